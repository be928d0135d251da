words <- read.csv("words.csv")
hits <- function(text, desk) {
  found <- words$word[words$desk == desk]
  Reduce(`+`, lapply(found, function(w) as.numeric(grepl(w, text, fixed = TRUE))))
}
