# Minutes of departure delay: gradient boosting with oblivious trees, in plain Julia.
#
# Every column is cut into bins: numbers at their quantiles, categories in the order of their mean delay. A
# tree of depth d asks the same d questions of every row ("is the bin of column j above c?"), and the answers
# are the number of its leaf. Each tree is fitted to what the ones before it left over. Delays are capped
# while fitting, because one flight that left a day late would outweigh the thousand that left on time.
#
# Parameters: rounds, depth, rate (of learning), bins, shrinkage (rows of evidence that say "no effect"),
# cap (minutes).

const TARGET = :dep_delay
const UNKNOWN = 1 # the bin of a missing value, and of a category that was not there in training

struct Numbers
    edges::Vector{Float64} # ascending; bin k + 1 holds edges[k - 1] < x <= edges[k]
end

struct Categories
    bins::Dict{String,Int}
end

struct Tree
    columns::Vector{Int}    # one question a level: is the bin in this column
    cuts::Vector{Int}       # above this one?
    leaves::Vector{Float64} # minutes, by the answers read as a binary number
end

struct Boosted
    names::Vector{Symbol}
    encoders::Vector{Union{Numbers,Categories}}
    base::Float64 # minutes, before the first tree
    trees::Vector{Tree}
end

# ------------------------------------------------------------------------------------------ encoding

bin(e::Numbers, x) = ismissing(x) || isnan(x) ? UNKNOWN : 1 + searchsortedfirst(e.edges, x)
bin(e::Categories, x) = ismissing(x) ? UNKNOWN : get(e.bins, x, UNKNOWN)

width(e::Numbers) = length(e.edges) + 2
width(e::Categories) = length(e.bins) + 1

function encoder(column::AbstractVector{<:Union{Missing,Real}}, minutes, params)
    known = sort!([Float64(x) for x in column if !ismissing(x) && !isnan(x)])
    isempty(known) && return Numbers(Float64[])
    places = range(1, length(known), length = min(params["bins"], length(known)) + 1)
    return Numbers(unique(known[round.(Int, places[2:end-1])]))
end

function encoder(column::AbstractVector, minutes, params)
    sums, counts = Dict{String,Float64}(), Dict{String,Int}()
    for (level, y) in zip(column, minutes)
        ismissing(level) && continue
        sums[level] = get(sums, level, 0.0) + y
        counts[level] = get(counts, level, 0) + 1
    end
    average = sum(minutes) / length(minutes)
    # A rare category's mean is pulled towards the average: three late flights prove little.
    mean_of(level) =
        (sums[level] + params["shrinkage"] * average) / (counts[level] + params["shrinkage"])
    ordered = sort!(collect(keys(sums)), by = level -> (mean_of(level), level))
    return Categories(Dict(level => place + UNKNOWN for (place, level) in enumerate(ordered)))
end

"One column a feature, one row a flight; a column lies together in memory."
function encode(names, encoders, data)
    table = Matrix{UInt16}(undef, length(data[first(names)]), length(names))
    for (j, name) in enumerate(names)
        table[:, j] .= bin.(Ref(encoders[j]), data[name])
    end
    return table
end

# ---------------------------------------------------------------------------------------- one tree

"Adds up what is left over, and counts rows, for each bin (row) and leaf (column)."
function tally!(left, rows, bins, leaf, residual)
    fill!(left, 0.0)
    fill!(rows, 0)
    @inbounds for i in eachindex(bins, leaf, residual)
        left[bins[i], leaf[i]] += residual[i]
        rows[bins[i], leaf[i]] += 1
    end
end

"The best cut of one column, and how much of the squared error it explains over all leaves."
function best_cut(left, rows, shrinkage)
    gains = zeros(size(left, 1))
    for leaf in axes(left, 2)
        total, count = sum(view(left, :, leaf)), sum(view(rows, :, leaf))
        below, counted = 0.0, 0
        for b in axes(left, 1)
            below += left[b, leaf]
            counted += rows[b, leaf]
            gains[b] += below^2 / (counted + shrinkage) +
                (total - below)^2 / (count - counted + shrinkage)
        end
    end
    gain, cut = findmax(gains)
    return gain, cut
end

function grow(table, widths, residual, depth, shrinkage)
    leaf = ones(Int, length(residual))
    columns, cuts = Int[], Int[]
    for level in 1:depth
        best = (-Inf, 0, 0)
        for j in axes(table, 2)
            left = zeros(widths[j], 2^(level - 1))
            rows = zeros(Int, size(left))
            tally!(left, rows, view(table, :, j), leaf, residual)
            gain, cut = best_cut(left, rows, shrinkage)
            gain > best[1] && (best = (gain, j, cut))
        end
        push!(columns, best[2])
        push!(cuts, best[3])
        leaf .= 2 .* leaf .- 1 .+ (view(table, :, best[2]) .> best[3])
    end
    left, rows = zeros(1, 2^depth), zeros(Int, 1, 2^depth)
    tally!(left, rows, ones(Int, length(residual)), leaf, residual)
    return Tree(columns, cuts, vec(left ./ (rows .+ shrinkage))), leaf
end

function leaf_of(tree::Tree, table, i)
    leaf = 0
    for (j, cut) in zip(tree.columns, tree.cuts)
        leaf = 2leaf + (table[i, j] > cut)
    end
    return leaf + 1
end

# ------------------------------------------------------------------------- what Kronkers Batch calls

function fit(data, params)
    minutes = min.(Float64.(data[TARGET]), params["cap"])
    names = [name for name in keys(data) if name != TARGET]
    encoders = Union{Numbers,Categories}[encoder(data[name], minutes, params) for name in names]
    table = encode(names, encoders, data)
    widths = width.(encoders)
    base = sum(minutes) / length(minutes)
    residual = minutes .- base
    trees = Tree[]
    for _ in 1:params["rounds"]
        tree, leaf = grow(table, widths, residual, params["depth"], Float64(params["shrinkage"]))
        tree.leaves .*= params["rate"]
        residual .-= tree.leaves[leaf]
        push!(trees, tree)
    end
    return Boosted(names, encoders, base, trees)
end

function score(model, data)
    table = encode(model.names, model.encoders, data)
    return [
        model.base + sum(tree.leaves[leaf_of(tree, table, i)] for tree in model.trees)
        for i in axes(table, 1)
    ]
end
