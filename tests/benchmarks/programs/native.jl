# The same by hand in Julia. Usage: native.jl train DATA MODEL | score DATA MODEL SCORES
# Columns of DATA: the key, 19 features, the label; all numbers. A fifth of the rows is kept for measuring.
using DelimitedFiles, Serialization

include("logistic.jl")

data = readdlm(ARGS[2], ',', Float64; skipstart = 1)
X = hcat(ones(size(data, 1)), data[:, 2:20])
if ARGS[1] == "train"
    kept = 5:5:size(X, 1)
    fitted = setdiff(1:size(X, 1), kept)
    model = newton(X[fitted, :], data[fitted, 21])
    p, y = probability(X[kept, :], model), data[kept, 21]
    println("log loss ", -sum(@. log(ifelse(y == 1, p, 1 - p))) / length(y))
    serialize(ARGS[3], model)
else
    scores = probability(X, deserialize(ARGS[3]))
    open(ARGS[4], "w") do file
        println(file, "customer_id,score")
        writedlm(file, hcat(Int.(data[:, 1]), scores), ',')
    end
end
