# The same by hand in R. Usage: native.R train|forest DATA MODEL, or native.R score|forest-score DATA MODEL SCORES
# Columns of DATA: the key, 19 features, the label; all numbers. A fifth of the rows is kept for measuring.
library(data.table)

words <- commandArgs(TRUE)
data <- fread(words[2])
if (words[1] %in% c("score", "forest-score")) {
    model <- readRDS(words[3])
    if (words[1] == "forest-score") loadNamespace("ranger")
    p <- if (words[1] == "score") predict(model, data, type = "response")
         else predict(model, data, num.threads = 1)$predictions[, "1"]
    fwrite(data.table(data[, "customer_id"], score = p), words[4])
} else {
    data[, customer_id := NULL]
    kept <- seq(5, nrow(data), 5)
    truth <- data$churned[kept]
    if (words[1] == "train") {
        model <- glm(churned ~ ., data = data[-kept], family = binomial, model = FALSE)
        p <- predict(model, data[kept], type = "response")
    } else {
        data[, churned := factor(churned)]
        model <- ranger::ranger(churned ~ ., data = data[-kept], num.trees = 100, min.node.size = 50,
                                probability = TRUE, num.threads = 1, seed = 7)
        p <- predict(model, data[kept], num.threads = 1)$predictions[, "1"]
    }
    cat("log loss", -mean(log(ifelse(truth == 1, p, 1 - p))), "\n")
    saveRDS(model, words[3])
}
