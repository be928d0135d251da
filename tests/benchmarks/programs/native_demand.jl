# What a person writes in Julia for the same: read, fit, measure from eight origins, store; read, forecast, write.
#
#     julia native_demand.jl train DATE DATA MODEL
#     julia native_demand.jl score DATE DATA MODEL SCORES
using Dates, DelimitedFiles, Serialization, Statistics
include("demand.jl")

const HORIZON, SEASON, ORIGINS, EVERY = 28, 7, 8, 7

function read_rows(path)
    store, day, sold, price = String[], Date[], Float64[], Float64[]
    lines = eachline(path)
    iterate(lines)
    for line in lines
        cells = split(line, ',')
        push!(store, cells[1])
        push!(day, Date(cells[2]))
        push!(sold, parse(Float64, cells[3]))
        push!(price, parse(Float64, cells[4]))
    end
    return (store = store, day = day, sold = sold, price = price) # the file is in order
end

rows_of(data, which) = map(column -> column[which], data)

# The mean absolute scaled error over all origins, and that of the seasonal naive forecast.
function measured(model, data, last)
    errors, naive = Float64[], Float64[]
    for back in 0:ORIGINS-1
        origin = last - Day(HORIZON - 1 + back * EVERY)
        history = rows_of(data, data.day .< origin)
        future = rows_of(data, origin .<= data.day .< origin + Day(HORIZON))
        scores, before = score(model, history, future), ranges(history.store)
        for (store, rows) in ranges(future.store)
            y = view(history.sold, before[store])
            scale = mean(abs(y[i] - y[i-SEASON]) for i in SEASON+1:length(y))
            for (ahead, i) in enumerate(rows)
                push!(errors, abs(scores[i] - future.sold[i]) / scale)
                push!(naive, abs(y[end-SEASON+1+(ahead-1)%SEASON] - future.sold[i]) / scale)
            end
        end
    end
    return mean(errors), mean(naive)
end

function main(work, date, path, model_path, scores_path = "")
    data, date = read_rows(path), Date(date)
    history = rows_of(data, date - Day(1095) .<= data.day .< date)
    if work == "train"
        first_origin = date - Day(HORIZON + (ORIGINS - 1) * EVERY)
        model = fit(rows_of(history, history.day .< first_origin), nothing)
        error, naive = measured(model, history, date - Day(1))
        println("mase $error, skill $(1 - error / naive)")
        serialize(model_path, model)
    else
        future = rows_of(data, date .<= data.day .< date + Day(HORIZON))
        scores = score(deserialize(model_path), history, future)
        writedlm(scores_path, hcat(future.store, string.(future.day), scores), ',')
    end
end

main(ARGS...)
