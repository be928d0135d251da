using Dates, Statistics
key(s, d) = (String(s), dayofweek(d))
function fit(data, params)
    sums = Dict{Tuple{String,Int},Vector{Float64}}()
    for i in eachindex(data.store)
        ismissing(data.sold[i]) && continue
        push!(get!(sums, key(data.store[i], data.day[i]), Float64[]), data.sold[i] / (data.promo[i] ? 1.5 : 1.0))
    end
    return Dict(k => mean(v) for (k, v) in sums)
end
function score(model, history, future)
    m = [get(model, key(future.store[i], future.day[i]), 0.0) * (future.promo[i] ? 1.5 : 1.0) for i in eachindex(future.store)]
    s = sqrt.(max.(m, 1.0))
    return (q10 = max.(m .- 1.28 .* s, 0.0), q50 = m, q90 = m .+ 1.28 .* s)
end
