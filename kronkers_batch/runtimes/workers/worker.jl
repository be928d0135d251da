# The Julia worker: one process that holds one model and answers commands on two pipes.
#
#     julia --startup-file=no --history-file=no worker.jl COMMANDS ANSWERS
#
# The protocol is specified in docs/reference/worker-protocol.md. Standard library only, Julia 1.5 and later.
# What a model's code sees of this file is the type `Categorical` with `levels` and `codes`.
#
# Julia compiles what runs when it first runs, and that is most of what this file costs. So it is written
# plainly: loops in place of closures, generators and broadcasting, `write` of strings, few types, comments in
# place of docstrings, and calls through `Base.invokelatest` where one part need not be compiled with another.

module Kronkers

using Dates, Random, Serialization
import LinearAlgebra

export Categorical, levels, codes

# What loops over rows is in the submodule Rows and is optimised, as the model's own code is. The rest of this
# module is worth no optimiser's time.
Base.Experimental.@optlevel 0

const MESSAGE_LIMIT = 2000 # characters of an error's message
const TRACE_LIMIT = 20 # lines of an error's trace
const MANY_CELLS = 100_000 # in a chunk: its memory is worth taking back at once
const FRAMES_LOOKED_AT = 400 # of a backtrace; after a stack overflow it has tens of thousands

# ------------------------------------------------------------------------------------------- categories

# A column of categories: a vector of strings that are kept as numbers. `levels(v)` are the categories of the
# training data, in the same order in every chunk; `codes(v)` says for each row which one it is, from 1, and 0
# where the value is missing. Both cost nothing. A selection of rows (`v[1:10]`, `v[mask]`) is a `Categorical`
# again. Stored models refer to this type by its name and module: neither can be renamed.
struct Categorical{T<:Union{Missing,String}} <: AbstractVector{T}
    codes::Vector{Int32}
    levels::Vector{String}
end

levels(v::Categorical) = v.levels
codes(v::Categorical) = v.codes

Base.size(v::Categorical) = size(v.codes)
Base.IndexStyle(::Type{<:Categorical}) = IndexLinear()
Base.getindex(v::Categorical{String}, i::Int) = v.levels[v.codes[i]]
Base.getindex(v::Categorical, i::Int) = (c = v.codes[i]; c == 0 ? missing : v.levels[c])
Base.getindex(v::Categorical{T}, rows::AbstractVector) where {T} = Categorical{T}(v.codes[rows], v.levels)
Base.getindex(v::Categorical{T}, ::Colon) where {T} = Categorical{T}(copy(v.codes), v.levels)

# ------------------------------------------------------------------------------------- loops over rows

module Rows
using Dates
Base.Experimental.@optlevel 2 # else that of the module around it

# The days, and milliseconds, that Julia counts before 1970, where the protocol starts.
const EPOCH_DAYS = 719_163
const EPOCH_MILLISECONDS = 62_135_683_200_000

# The values as a vector that may hold missing, which is where the mask is not 0; an empty mask has no nulls.
function masked(values::Vector{T}, mask::Vector{UInt8}) where {T}
    column, nulls = Vector{Union{Missing,T}}(undef, length(values)), !isempty(mask)
    @inbounds for i in 1:length(values)
        if nulls && mask[i] != 0x00
            column[i] = missing
        else
            column[i] = values[i]
        end
    end
    return column
end

function dates(days::Vector{Int32})
    column = Vector{Date}(undef, length(days))
    @inbounds for i in 1:length(days)
        column[i] = Date(Dates.UTD(days[i] + EPOCH_DAYS))
    end
    return column
end

# Microseconds since 1970 as Julia's milliseconds, rounded down.
function moments(microseconds::Vector{Int64})
    column = Vector{DateTime}(undef, length(microseconds))
    @inbounds for i in 1:length(microseconds)
        column[i] = DateTime(Dates.UTM(fld(microseconds[i], 1000) + EPOCH_MILLISECONDS))
    end
    return column
end

function strings(codes::Vector{Int32}, levels::Vector{String}, column::Vector)
    for i in 1:length(codes)
        if codes[i] == typemin(Int32)
            column[i] = missing
        else
            column[i] = levels[codes[i]]
        end
    end
    return column
end

# The protocol's code for null is its int32 minimum; ours is 0, as in other packages.
function zero_missing!(codes::Vector{Int32})
    @inbounds for i in 1:length(codes)
        codes[i] == typemin(Int32) && (codes[i] = 0)
    end
    return codes
end

function count_nulls(codes::Vector{Int32})
    n = 0
    @inbounds for i in 1:length(codes)
        n += codes[i] == typemin(Int32)
    end
    return n
end

count_nulls(mask::Vector{UInt8}) = Int(sum(mask))

float(x) = Float64(x)
small(x) = Int32(x)
integer(x) = Int64(x)
day(x::Date) = Int32(Dates.value(x) - EPOCH_DAYS)
microsecond(x::DateTime) = 1000 * (Dates.value(x) - EPOCH_MILLISECONDS)

# Fills `values` by `convert_one`, with `under` where missing; returns the mask, empty if nothing is missing.
function unmasked!(values::Vector{T}, column::AbstractVector, convert_one, under::T) where {T}
    mask, i = UInt8[], 0
    for x in column
        i += 1
        if x === missing
            isempty(mask) && (mask = zeros(UInt8, length(values)))
            mask[i] = 0x01
            values[i] = under
        else
            values[i] = convert_one(x)
        end
    end
    return mask
end

# Whether all values are there and above 0.
function positive(values::AbstractVector)
    for x in values
        (x === missing || !(x > 0)) && return false
    end
    return true
end

quotients(a::AbstractVector, b::AbstractVector) = [a[i] / b[i] for i in 1:length(a)]
products(a::AbstractVector, b::AbstractVector) = [a[i] * b[i] for i in 1:length(a)]

# Fills `codes` from 1, and returns the distinct strings that they stand for.
function pool!(codes::Vector{Int32}, column::AbstractVector)
    pool, seen, i = String[], Dict{String,Int32}(), 0
    for x in column
        i += 1
        if x === missing
            codes[i] = typemin(Int32)
        else
            text = String(x)
            code = get(seen, text, Int32(0))
            if code == 0
                push!(pool, text)
                seen[text] = code = Int32(length(pool))
            end
            codes[i] = code
        end
    end
    return pool
end
end # module Rows

# ------------------------------------------------------------------------------------------------- text

const HEX = Vector{UInt8}("0123456789ABCDEF")

function isplain(b::UInt8)
    0x61 <= b <= 0x7a || 0x41 <= b <= 0x5a || 0x30 <= b <= 0x39 && return true
    return b == 0x2e || b == 0x5f || b == 0x7e || b == 0x2d
end

function encode_into!(out::Vector{UInt8}, text::String)
    for i in 1:ncodeunits(text)
        b = codeunit(text, i)
        if isplain(b)
            push!(out, b)
        else
            push!(out, 0x25)
            push!(out, HEX[(b>>4)+1])
            push!(out, HEX[(b&0x0f)+1])
        end
    end
    return out
end

encode(text::String) = String(encode_into!(UInt8[], text))

hexdigit(b::UInt8) = b <= 0x39 ? b - 0x30 : b - 0x37

# Bytes `first` to `last`, decoded.
function decode(raw::Vector{UInt8}, first::Int, last::Int)
    out, i = UInt8[], first
    while i <= last
        if raw[i] == 0x25
            push!(out, hexdigit(raw[i+1]) << 4 | hexdigit(raw[i+2]))
            i += 3
        else
            push!(out, raw[i])
            i += 1
        end
    end
    return String(out)
end

decode(text::String) = decode(Vector{UInt8}(text), 1, ncodeunits(text))

function cut(text::String, separator::UInt8)
    parts, start, raw = String[], 1, Vector{UInt8}(text)
    for i in 1:length(raw)
        if raw[i] == separator
            push!(parts, String(raw[start:i-1]))
            start = i + 1
        end
    end
    return push!(parts, String(raw[start:end]))
end

fields(io::IOStream) = cut(readline(io), 0x09)

number(text::String) = parse(Int64, text)

# ---------------------------------------------------------------------------------------------- reading

# Raised where the other side does not speak the protocol; the worker cannot go on.
struct ProtocolError <: Exception
    message::String
end

mutable struct Frame
    names::Vector{String}
    columns::Vector{Any} # of AbstractVector
    rows::Int
end

struct Message
    verb::String
    arguments::Dict{String,Any}
    parts::Vector{Any} # Frame or Vector{UInt8}
end

# What is remembered between frames, by the column's name.
struct Memory
    nullable::Dict{String,Any} # had a null once: stays a Union with Missing, so that code is not compiled anew
    raw_levels::Dict{String,Any} # the levels as last sent, and decoded: they seldom change
    levels::Dict{String,Any}
end

new_memory() = Memory(Dict{String,Any}(), Dict{String,Any}(), Dict{String,Any}())

function read_message(io::IOStream, usual::Memory, apart::Memory)
    first = fields(io)
    length(first) == 4 && first[1] == "KB1" || throw(ProtocolError("not a message of version 1"))
    arguments = Dict{String,Any}()
    for _ in 1:number(first[3])
        line = fields(io)
        put_argument!(arguments, cut(line[1], 0x2f), argument(line[2], line[3]))
    end
    parts = Any[]
    memory = get(arguments, "apart", false) === true ? apart : usual
    for name in get(arguments, "nullable", Any[])
        memory.nullable[name::String] = true
    end
    expected = first[4] == "*" ? typemax(Int) : number(first[4]) # "*": until a line "end"
    while length(parts) < expected
        part = Base.invokelatest(read_part, io, memory)
        part === nothing && break
        push!(parts, part)
    end
    return Message(first[2], settle(arguments), parts)
end

function argument(kind::String, value::String)
    kind == "s" && return decode(value)
    kind == "i" && return number(value)
    kind == "f" && return parse(Float64, value)
    kind == "b" && return value == "true"
    kind == "n" && return nothing
    kind == "l" && return Any[]
    kind == "m" && return Dict{String,Any}()
    throw(ProtocolError("an argument of an unknown kind"))
end

function put_argument!(@nospecialize(holder), path::Vector{String}, @nospecialize(value))
    for i in 1:length(path)-1
        holder = holder isa Vector{Any} ? holder[number(path[i])+1] : (holder::Dict{String,Any})[decode(path[i])]
    end
    if holder isa Vector{Any}
        push!(holder, value)
    else
        (holder::Dict{String,Any})[decode(path[end])] = value
    end
    return nothing
end

# Lists whose elements are of one type become vectors of it; lists of numbers become vectors of Float64.
function settle(@nospecialize(value))
    if value isa Dict{String,Any}
        for key in collect(keys(value))
            value[key] = settle(value[key])
        end
    elseif value isa Vector{Any} && !isempty(value)
        same, numbers = true, true
        for i in 1:length(value)
            value[i] = settle(value[i])
            same &= typeof(value[i]) === typeof(value[1])
            numbers &= value[i] isa Int64 || value[i] isa Float64
        end
        same &= value[1] isa Union{Bool,Int64,String,Float64}
        same && return Base.invokelatest(Vector{typeof(value[1])}, value)
        numbers && return Base.invokelatest(Vector{Float64}, value)
    end
    return value
end

function read_part(io::IOStream, memory::Memory)
    first = fields(io)
    first[1] == "end" && return nothing
    first[1] == "blob" && return read_vector!(io, Vector{UInt8}(undef, number(first[2])))
    first[1] == "frame" || throw(ProtocolError("a part of an unknown kind"))
    names, heads, columns, rows = String[], Any[], Any[], number(first[3])
    for _ in 1:number(first[2])
        push!(heads, fields(io))
        push!(names, decode(heads[end][1]))
    end
    for i in 1:length(heads)
        push!(columns, read_column(io, names[i], heads[i], rows, memory))
    end
    return Frame(names, columns, rows)
end

function read_vector!(io::IOStream, @nospecialize(v::Vector))
    GC.@preserve v unsafe_read(io, Ptr{UInt8}(pointer(v)), UInt(sizeof(v)))
    return v
end

function read_column(io::IOStream, name::String, head::Vector{String}, rows::Int, memory::Memory)
    type, nulls = head[2], number(head[3])
    nulls > 0 && (memory.nullable[name] = true)
    nullable = haskey(memory.nullable, name)
    if type == "c4" || type == "s4"
        numbers = Vector{Int32}(undef, rows)
        read_vector!(io, numbers)
        texts = read_levels(io, name, number(head[6]), number(head[5]), memory)
        if type == "s4"
            column = nullable ? Vector{Union{Missing,String}}(undef, rows) : Vector{String}(undef, rows)
            return Base.invokelatest(Rows.strings, numbers, texts, column)
        end
        nulls > 0 && Rows.zero_missing!(numbers)
        return nullable ? Categorical{Union{Missing,String}}(numbers, texts) : Categorical{String}(numbers, texts)
    end
    values =
        type == "f8" ? Vector{Float64}(undef, rows) :
        type == "f4" ? Vector{Float32}(undef, rows) :
        type == "i8" || type == "t8" ? Vector{Int64}(undef, rows) :
        type == "i4" || type == "d4" ? Vector{Int32}(undef, rows) :
        type == "b1" ? Vector{Bool}(undef, rows) : throw(ProtocolError("a column of an unknown type"))
    read_vector!(io, values)
    mask = UInt8[]
    nulls > 0 && read_vector!(io, resize!(mask, rows))
    type == "d4" && (values = Base.invokelatest(Rows.dates, values))
    type == "t8" && (values = Base.invokelatest(Rows.moments, values))
    return nullable ? Base.invokelatest(Rows.masked, values, mask) : values
end

function read_levels(io::IOStream, name::String, bytes::Int, n::Int, memory::Memory)
    raw = Vector{UInt8}(undef, bytes)
    read_vector!(io, raw)
    if haskey(memory.levels, name) && memory.raw_levels[name]::Vector{UInt8} == raw
        return memory.levels[name]::Vector{String}
    end
    texts, start = String[], 1
    for i in 1:bytes
        if raw[i] == 0x0a
            push!(texts, decode(raw, start, i - 1))
            start = i + 1
        end
    end
    length(texts) == n || throw(ProtocolError("not as many levels as announced"))
    memory.raw_levels[name], memory.levels[name] = raw, texts
    return texts
end

# The rows of all frames in one. Empties the frames on the way, so that their memory can be taken back.
function join_frames(frames::Vector{Any})
    length(frames) == 1 && return frames[1]::Frame
    columns, rows, names = Any[], 0, (frames[1]::Frame).names
    for frame in frames
        rows += (frame::Frame).rows
    end
    for i in 1:length(names)
        parts = Any[]
        for frame in frames
            push!(parts, (frame::Frame).columns[i])
            frame.columns[i] = nothing
        end
        # The last part has the widest type: a column that had a null stays nullable in what follows.
        push!(columns, Base.invokelatest(join_parts, parts, parts[end], rows))
    end
    return Frame(names, columns, rows)
end

function join_parts(parts::Vector{Any}, last::Categorical{T}, rows::Int) where {T}
    whole, start = Vector{Int32}(undef, rows), 1
    for part in parts
        copyto!(whole, start, part.codes::Vector{Int32})
        start += length(part.codes::Vector{Int32})
    end
    return Categorical{T}(whole, last.levels)
end

function join_parts(parts::Vector{Any}, last::Vector{T}, rows::Int) where {T}
    whole, start = Vector{T}(undef, rows), 1
    for part in parts
        copyto!(whole, start, part)
        start += length(part)
    end
    return whole
end

# A NamedTuple of the columns. Its own constructors compile code for each set of names and types; what
# Serialization uses does not, which matters at hundreds of columns.
function table(names::Vector{String}, columns::Vector{Any}, n::Int)
    n == 0 && return NamedTuple()
    symbols, types = Any[], Any[]
    for i in 1:n
        push!(symbols, Symbol(names[i]))
        push!(types, typeof(columns[i]))
    end
    T = Core.apply_type(NamedTuple, tuple(symbols...), Core.apply_type(Tuple, types...))
    return ccall(:jl_new_structv, Any, (Any, Ptr{Any}, UInt32), T, columns, n)
end

# ---------------------------------------------------------------------------------------------- writing

# The argument lines of an answer.
mutable struct Answer
    verb::String
    lines::Vector{String}
end

Answer(verb::String) = Answer(verb, String[])

function put!(answer::Answer, path::String, kind::String, value::String)
    push!(answer.lines, string(path, "\t", kind, "\t", kind == "s" ? encode(value) : value, "\n"))
    return answer
end

# Writes the answer, with one part if `part` is not empty.
function write_answer(io::IOStream, answer::Answer, part::Vector{UInt8})
    write(io, string("KB1\t", answer.verb, "\t", string(length(answer.lines)), isempty(part) ? "\t0\n" : "\t1\n"))
    for line in answer.lines
        write(io, line)
    end
    write(io, part)
    flush(io)
    return nothing
end

write_answer(io::IOStream, answer::Answer) = write_answer(io, answer, UInt8[])

# A column as the protocol has it.
struct Wired
    type::String
    values::Any # a Vector of bits
    mask::Vector{UInt8} # empty if there are no nulls
    nulls::Int
    nlevels::Int
    levels::Vector{UInt8}
end

function element_type(@nospecialize(column))
    T = nonmissingtype(eltype(column))
    isconcretetype(T) || T === Union{} || return widest(column) # such as Vector{Any} or Vector{Real}
    return T
end

function widest(@nospecialize(column))
    T = Union{}
    for x in column
        x === missing || (T = promote_type(T, typeof(x)))
    end
    return T
end

function wire(name::String, @nospecialize(column))
    column isa Vector{Float64} && return Wired("f8", column, UInt8[], 0, 0, UInt8[])
    return Base.invokelatest(wire_other, name, column, Base.invokelatest(element_type, column))::Wired
end

function wire_other(name::String, @nospecialize(column), @nospecialize(T))
    n = length(column)
    if T === Union{}
        return Wired("f8", fill(NaN, n), ones(UInt8, n), n, 0, UInt8[])
    elseif T <: AbstractString || T === Symbol
        return wire_strings(name, column, Vector{Int32}(undef, n))
    end
    type, values, convert_one, under =
        T === Bool ? ("b1", Vector{Bool}(undef, n), identity, false) :
        T === Float32 ? ("f4", Vector{Float32}(undef, n), identity, NaN32) :
        T === Int32 || T === Int16 || T === Int8 || T === UInt16 || T === UInt8 ?
        ("i4", Vector{Int32}(undef, n), Rows.small, typemin(Int32)) :
        T <: Integer ? ("i8", Vector{Int64}(undef, n), Rows.integer, typemin(Int64)) :
        T <: Real ? ("f8", Vector{Float64}(undef, n), Rows.float, NaN) :
        T === Date ? ("d4", Vector{Int32}(undef, n), Rows.day, typemin(Int32)) :
        T === DateTime ? ("t8", Vector{Int64}(undef, n), Rows.microsecond, typemin(Int64)) :
        throw(ModelError("score's column $name holds $T, which is no number, text or time"))
    mask = Base.invokelatest(Rows.unmasked!, values, column, convert_one, under)::Vector{UInt8}
    return Wired(type, values, mask, Rows.count_nulls(mask), 0, UInt8[])
end

function wire_strings(name::String, @nospecialize(column), numbers::Vector{Int32})
    pool, text = Base.invokelatest(Rows.pool!, numbers, column)::Vector{String}, UInt8[]
    for level in pool
        isvalid(level) || throw(ModelError("score's column $name holds text that is not UTF-8"))
        push!(encode_into!(text, level), 0x0a)
    end
    return Wired("s4", numbers, UInt8[], Rows.count_nulls(numbers), length(pool), text)
end

# A frame, into memory: if a value cannot be sent, the answer is an error and not half a frame.
function frame_bytes(names::Vector{String}, columns::Vector{Any}, rows::Int)
    out, wired = IOBuffer(), Any[]
    write(out, string("frame\t", string(length(names)), "\t", string(rows), "\n"))
    for i in 1:length(names)
        w = wire(names[i], columns[i])::Wired
        push!(wired, w)
        write(out, string(encode(names[i]), "\t", w.type, "\t", string(w.nulls), "\t", string(sizeof(w.values))))
        write(out, string("\t", string(w.nlevels), "\t", string(length(w.levels)), "\n"))
    end
    for w in wired
        put_bytes(out, (w::Wired).values)
        put_bytes(out, w.mask)
        put_bytes(out, w.levels)
    end
    return take!(out)
end

function put_bytes(out::IOBuffer, @nospecialize(v))
    GC.@preserve v unsafe_write(out, Ptr{UInt8}(pointer(v)), UInt(sizeof(v)))
    return nothing
end

# ---------------------------------------------------------------------------------------------- the model

# What a declared estimator is asked for, and which columns it gets.
struct Roles
    target::String # the function that fits, as it is declared
    task::String
    classes::Vector{String}
    levels::Vector{Float64} # of quantiles
    per_quantile::String # the argument that gets the level of one quantile, or empty
    weights::String # columns, or empty
    exposure::String
    predictors::Vector{String} # the features without the exposure
    target_column::String # empty where there is none, and where the worker only scores
end

# How a model is fitted, scored, saved and loaded, whether it is code or a declared estimator.
struct Recipe
    estimator::Bool
    fit::Any
    score::Any
    save::Any
    load::Any
    describe::Any # of the code, or nothing
    params::Dict{String,Any}
    fit_options::Vector{Pair{Symbol,Any}} # of an estimator
    score_options::Vector{Pair{Symbol,Any}}
    file::String # the code file, or empty
    outputs::Vector{String}
    roles::Union{Nothing,Roles} # of an estimator
end

# A measure of the department's own: its file has the function `loss` or `metric`, and no model.
struct Measure
    call::Any
    name::String # of the function
    columns::Vector{String} # of the answer
end

# What the worker holds.
mutable struct State
    seed::Int64
    scratch::String
    recipe::Union{Nothing,Recipe}
    measure::Union{Nothing,Measure}
    model::Any
    fitted::Bool
    file::String # the code file that errors are about, or empty
    cells::Int # values in the frame that was scored last
    memory::Memory
    apart::Memory # of frames that are not to be remembered for others
end

# Raised for what a department has to mend: the message says all.
struct ModelError <: Exception
    message::String
end

# Julia's own storage. The compiled methods for files that Julia brings are found when called, not inferred anew.
function default_save(@nospecialize(model), path::String)
    file = open(path, "w")
    Base.invokelatest(serialize, file, model)
    close(file)
end

function default_load(path::String)
    file = open(path, "r")
    # Without this header it would be read as an old or odd format, and give nonsense in place of an error.
    String(read(file, 3)) == "7JL" || throw(ModelError("this is no model that Julia's Serialization has stored"))
    model = Base.invokelatest(deserialize, seekstart(file))
    close(file)
    return model
end

# Loads a model that was fitted elsewhere, and is none of this program's own files.
struct LoadImported
    load::Any
end

function (one::LoadImported)(path::String)
    model = Base.invokelatest(one.load, path)
    model === nothing && throw(ModelError("the artifact holds nothing in place of a model"))
    return model
end

function code_recipe(arguments::Dict{String,Any}, outputs::Vector{String})
    file = arguments["path"]::String
    # A module with a name: Serialization finds types and functions of the model by it, in any worker.
    code = Core.eval(Main, :(module KronkersModel end))
    Core.eval(code, :(using ..Kronkers))
    Base.include(code, file)
    found = Any[]
    for name in (:fit, :score, :save_model, :load_model, :describe)
        push!(found, Base.invokelatest(isdefined, code, name) ? Base.invokelatest(getfield, code, name) : nothing)
    end
    imported = haskey(arguments, "imported") # fitted elsewhere: what only a fit needs may be missing
    if arguments["learns"]::Bool
        found[1] === nothing && !imported && throw(ModelError("the code file defines no function fit(data, params)"))
    else
        refuse_learning(found)
        found[1] = learns_nothing
    end
    found[2] === nothing && throw(ModelError("the code file defines no function score(model, data)"))
    if found[3] === nothing && found[4] === nothing
        found[3], found[4] = default_save, default_load
    elseif found[4] === nothing || (found[3] === nothing && !imported)
        throw(ModelError("of the two functions that save and load a model, the code file defines only one"))
    end
    imported && (found[4] = LoadImported(found[4]))
    none = Pair{Symbol,Any}[]
    params = arguments["params"]
    fit, score, save, load, describe = found
    return Recipe(false, fit, score, save, load, describe, params, none, none, file, outputs, nothing)
end

# The fit of a model that learns nothing from data: its code has `score` alone, which gets `nothing` as the model.
learns_nothing(data, params) = nothing

function refuse_learning(found::Vector{Any})
    for (i, name) in ((1, "fit"), (3, "save_model"), (4, "load_model"))
        found[i] === nothing && continue
        hint = "remove it, or declare the task that says what is learned"
        throw(ModelError("rules learn nothing, and the code has a function '$name'; $hint"))
    end
end

# The measure whose file and function are named.
function load_measure(arguments::Dict{String,Any}, columns::Vector{String})
    code = Core.eval(Main, :(module KronkersModel end))
    Core.eval(code, :(using ..Kronkers))
    Base.include(code, arguments["path"]::String)
    name = arguments["function"]::String
    if !Base.invokelatest(isdefined, code, Symbol(name))
        throw(ModelError("the code file defines no function $name(truth, score, data)"))
    end
    return Measure(Base.invokelatest(getfield, code, Symbol(name)), name, columns)
end

# What `loss` returned: one number for each row. A missing one is NaN, which the parent refuses.
function one_a_row(@nospecialize(result), rows::Int)
    result isa AbstractMatrix && size(result, 2) == 1 && (result = vec(result))
    result isa AbstractVector || throw(ModelError("loss returned no vector; it must return one number for each row"))
    n = length(result)
    n == rows || throw(ModelError("loss returned $n instead of $rows numbers, one for each row"))
    numbers = Vector{Float64}(undef, n)
    for i in 1:n
        x = result[i]
        x isa Union{Missing,Real} || throw(ModelError("loss must return numbers"))
        numbers[i] = x === missing ? NaN : Float64(x)
    end
    return Any[numbers]
end

# What `metric` returned, by the declared names: each must be there, and no others.
function numbers_by_name(@nospecialize(result), names::Vector{String})
    if !(result isa Union{NamedTuple,AbstractDict})
        throw(ModelError("metric must return numbers by their names, as a named tuple or a dict"))
    end
    found = Dict{String,Any}(string(key) => result[key] for key in keys(result))
    lacks = [name for name in names if !haskey(found, name)]
    isempty(lacks) || throw(ModelError(string("metric did not return: ", join(lacks, ", "))))
    others = length(found) - length(names)
    others > 0 && throw(ModelError("metric returned $others numbers that are not declared"))
    columns = Any[]
    for name in names
        found[name] isa Real || throw(ModelError("metric must return a number for $name"))
        push!(columns, Float64[found[name]])
    end
    return columns
end

# The function that `Package.function` names, after loading the package of the model's own project.
function find_function(target::String)
    names = cut(target, UInt8('.'))
    length(names) >= 2 || throw(ModelError("$target is not a package and a function with a dot between"))
    found = Base.require(Main, Symbol(names[1]))
    for i in 2:length(names)
        name = Symbol(names[i])
        if !(found isa Module && Base.invokelatest(isdefined, found, name))
            throw(ModelError("$target does not exist: there is no $name in $(names[i-1])"))
        end
        found = Base.invokelatest(getfield, found, name)
    end
    return found
end

function keywords(arguments::Dict{String,Any})
    pairs = Pair{Symbol,Any}[]
    for (key, value) in arguments
        push!(pairs, Pair{Symbol,Any}(Symbol(key), value))
    end
    return pairs
end

function estimator_recipe(arguments::Dict{String,Any}, outputs::Vector{String})
    target, predict = arguments["target"]::String, arguments["predict"]::String
    fit = find_function(target)
    isempty(predict) && (predict = "predict")
    # A bare name is a function of the same package.
    score = find_function(occursin(".", predict) ? predict : string(cut(target, UInt8('.'))[1], ".", predict))
    fit_options, score_options = keywords(arguments["arguments"]), keywords(arguments["predict_arguments"])
    roles, none = estimator_roles(arguments), Dict{String,Any}()
    load = haskey(arguments, "imported") ? LoadImported(default_load) : default_load
    refuse_levels(arguments, roles)
    save = default_save
    return Recipe(true, fit, score, save, load, nothing, none, fit_options, score_options, "", outputs, roles)
end

function estimator_roles(arguments::Dict{String,Any})
    exposure, predictors = arguments["exposure_column"]::String, String[]
    for name in arguments["features"]
        name == exposure || push!(predictors, name)
    end
    return Roles(
        arguments["target"],
        arguments["task"],
        Vector{String}(arguments["classes"]),
        Vector{Float64}(arguments["quantiles"]),
        arguments["per_quantile"],
        arguments["weights_column"],
        exposure,
        predictors,
        arguments["target_column"],
    )
end

# Refuses an argument that asks for other quantiles than those declared, or in another order.
function refuse_levels(arguments::Dict{String,Any}, roles::Roles)
    isempty(roles.levels) && return nothing
    for given in (arguments["arguments"], arguments["predict_arguments"])
        for name in ("quantiles", "quantile", "tau", "q")
            asked = get(given, name, nothing)
            asked isa Vector && asked != roles.levels || continue
            throw(ModelError("the argument $name asks for other quantiles than declared, or in another order"))
        end
    end
end

function run_fit(recipe::Recipe, frame::Frame)
    n = length(frame.names)
    recipe.estimator || return Base.invokelatest(recipe.fit, table(frame.names, frame.columns, n), recipe.params)
    roles, options = recipe.roles::Roles, copy(recipe.fit_options)
    isempty(roles.target_column) && return fit_features(recipe, frame, roles, options)
    y = frame.columns[n]
    features = chosen(frame, roles.predictors)
    if !isempty(roles.exposure) || !isempty(roles.weights)
        y, weights = Base.invokelatest(weighted, roles, frame, y)
        push!(options, Pair{Symbol,Any}(:weights, weights))
        refuse_unweighted(recipe, roles, Tuple{typeof(features),typeof(y)})
    end
    isempty(roles.per_quantile) && return Base.invokelatest(call_with, recipe.fit, options, features, y)
    models = Any[]
    for level in roles.levels
        own = push!(copy(options), Pair{Symbol,Any}(Symbol(roles.per_quantile), level))
        push!(models, Base.invokelatest(call_with, recipe.fit, own, features, y))
    end
    return models
end

# A model without a target, fitted from its features alone.
function fit_features(recipe::Recipe, frame::Frame, roles::Roles, options::Vector{Pair{Symbol,Any}})
    features = chosen(frame, roles.predictors)
    if !isempty(roles.weights)
        push!(options, Pair{Symbol,Any}(:weights, column(frame, roles.weights)))
        refuse_unweighted(recipe, roles, Tuple{typeof(features)})
    end
    return Base.invokelatest(call_alone, recipe.fit, options, features)
end

call_alone(f, options, a) = f(a; options...)

# Raises where a function takes no weights, which would be left out without a word.
function refuse_unweighted(recipe::Recipe, roles::Roles, @nospecialize(types))
    if Base.invokelatest(hasmethod, recipe.fit, types) &&
       !Base.invokelatest(hasmethod, recipe.fit, types, (:weights,))
        what = isempty(roles.weights) ? "rates of an exposure" : "weights"
        throw(ModelError("$(roles.target) takes no argument weights, which the $what need"))
    end
end

# The target and the weights that a fit gets. Of an exposure: the rate, and the exposure as its weight. For counts
# with a logarithmic link this is the model with the offset log(exposure), whose score equations are the same.
# Source: scikit-learn's example "Poisson regression and non-normal loss", and Yan, Guszcza, Flynn and Wu,
# "Applications of the Offset in Property-Casualty Predictive Modeling" (Casualty Actuarial Society Forum, 2009).
function weighted(roles::Roles, frame::Frame, @nospecialize(y))
    isempty(roles.exposure) && return y, column(frame, roles.weights)
    exposure = column(frame, roles.exposure)
    if !Base.invokelatest(Rows.positive, exposure)
        throw(ModelError("the exposure is missing or not above 0 in some training rows"))
    end
    rates = Base.invokelatest(Rows.quotients, y, exposure)
    isempty(roles.weights) && return rates, exposure
    return rates, Base.invokelatest(Rows.products, exposure, column(frame, roles.weights))
end

function column(frame::Frame, name::String)
    for i in 1:length(frame.names)
        frame.names[i] == name && return frame.columns[i]
    end
    throw(ModelError("there is no column $name"))
end

# A NamedTuple of some columns.
function chosen(frame::Frame, names::Vector{String})
    n = length(names)
    n <= length(frame.names) && names == frame.names[1:n] && return table(names, frame.columns, n)
    columns = Any[]
    for name in names
        push!(columns, column(frame, name))
    end
    return table(names, columns, n)
end

# Of series, the history stands before the rows to forecast.
function run_score(recipe::Recipe, @nospecialize(model), frames::Vector{Any})
    if !recipe.estimator # whose score may take the parameters, too
        given = Any[model]
        for frame in frames
            push!(given, table(frame.names, frame.columns, length(frame.names)))
        end
        Base.invokelatest(applicable, recipe.score, given..., recipe.params) && push!(given, recipe.params)
        return Base.invokelatest(recipe.score, given...)
    end
    frame = frames[1]::Frame
    roles = recipe.roles::Roles
    features = chosen(frame, roles.predictors)
    if !isempty(roles.per_quantile)
        each = Dict{String,Any}()
        for i in 1:length(recipe.outputs)
            each[recipe.outputs[i]] = Base.invokelatest(one_column, predicted(recipe, model[i], features))
        end
        return each
    end
    result = predicted(recipe, model, features)
    roles.task == "multiclass" && Base.invokelatest(refuse_classes, result, roles.classes)
    roles.task == "quantiles" && return Base.invokelatest(by_level, result, recipe.outputs, roles.levels)
    isempty(roles.exposure) && return result
    exposure, rates = column(frame, roles.exposure), Base.invokelatest(one_column, result)
    # What is no vector of that length is refused as what it is.
    fits = rates isa AbstractVector && length(rates) == frame.rows
    return fits ? Base.invokelatest(Rows.products, rates, exposure) : rates
end

function predicted(recipe::Recipe, @nospecialize(model), @nospecialize(features))
    return Base.invokelatest(call_with, recipe.score, recipe.score_options, model, features)
end

one_column(@nospecialize(result)) = result isa AbstractMatrix && size(result, 2) == 1 ? vec(result) : result

# The names of the columns of a table or mapping, as texts, and how each is called in it.
function named_columns(@nospecialize(result))
    found = Pair{String,Any}[]
    for key in (result isa AbstractDict ? keys(result) : propertynames(result))
        push!(found, Pair{String,Any}(string(key), key))
    end
    return found
end

column_called(@nospecialize(result), key) = result isa AbstractDict ? result[key] : getproperty(result, key)

# Raises where a table of probabilities has other classes than those declared.
function refuse_classes(@nospecialize(result), classes::Vector{String})
    if result isa AbstractArray
        throw(ModelError("predict gave no names of classes: it must return a NamedTuple, Dict or table with them"))
    end
    names, lacks = String[], String[]
    for found in named_columns(result)
        push!(names, found.first)
    end
    for class in classes
        class in names || push!(lacks, string("'", class, "'"))
    end
    if !isempty(lacks)
        shown = join(lacks[1:min(end, 20)], ", ")
        n = length(lacks)
        throw(ModelError("the model lacks $n of the declared classes: $shown; each must occur in the training rows"))
    end
    more = length(names) - length(classes)
    more > 0 && throw(ModelError("the model has classes that are not declared ($more)"))
end

# One column for each quantile: by the names of a table, else in ascending order of the levels.
function by_level(@nospecialize(result), outputs::Vector{String}, levels::Vector{Float64})
    columns, said = Any[], Float64[]
    if result isa AbstractVector
        push!(columns, result)
    elseif result isa AbstractMatrix
        for i in 1:size(result, 2)
            push!(columns, result[:, i])
        end
    else
        for found in named_columns(result)
            push!(columns, column_called(result, found.second))
            place = findfirst(isequal(found.first), outputs)
            push!(said, place === nothing ? level_of(found.first) : levels[place])
        end
    end
    n = length(levels)
    length(columns) == n || throw(ModelError("predict gave $(length(columns)) columns for $n quantiles"))
    each = Dict{String,Any}()
    for i in 1:n
        places = [i]
        if !all(isnan, said)
            places = findall(level -> abs(level - levels[i]) < 6e-4, said) # some packages round to three digits
        end
        length(places) == 1 || throw(ModelError("predict gave other quantiles than declared"))
        each[outputs[i]] = columns[places[1]]
    end
    return each
end

# The level that a column's name holds (`0.1`, `tau= 0.10`, `10%`, `q10`), or NaN.
function level_of(name::String)
    found = match(r"(q)?(\d+(?:\.\d+)?)\s*(%)?$", name)
    found === nothing && return NaN
    level = parse(Float64, found[2]) / (found[1] === nothing && found[3] === nothing ? 1 : 100)
    return 0 < level < 1 ? level : NaN
end

call_with(f, options, a, b) = f(a, b; options...)

# Raises where a table that `score` returned has columns that are not declared.
function refuse_more(@nospecialize(result), outputs::Vector{String})
    result isa AbstractArray && return nothing
    for found in named_columns(result)
        name = found.first
        name in outputs || throw(ModelError("score returned a column $name that is not declared"))
    end
end

# The declared columns of what `score` returned.
function declared(@nospecialize(result), outputs::Vector{String}, rows::Int)
    columns = Any[]
    refuse_more(result, outputs)
    for name in outputs
        column = declared_column(result, name, length(outputs) == 1)
        column isa AbstractVector || throw(ModelError("score's column $name is a $(typeof(column)), not a vector"))
        n = length(column)
        n == rows || throw(ModelError("score gave $n values for $rows rows in column $name"))
        push!(columns, column)
    end
    return columns
end

function declared_column(@nospecialize(result), name::String, only::Bool)
    if result isa AbstractVector
        only && return result
    elseif result isa AbstractMatrix
        only && size(result, 2) == 1 && return vec(result)
        only || throw(ModelError("score returned a matrix without names; name the columns: return a NamedTuple or Dict"))
    elseif result isa AbstractDict
        for key in keys(result)
            string(key) == name && return result[key]
        end
    elseif hasproperty(result, Symbol(name)) # a NamedTuple or a data frame
        return getproperty(result, Symbol(name))
    end
    throw(ModelError("score returned a $(nameof(typeof(result))) without the declared column $name"))
end

# ------------------------------------------------------------------------------------ code without layout

# The text of a program without comments, layout and docstrings. The code is parsed, never run.
function normalised(code::String)
    parsed = isdefined(Meta, :parseall) ? Meta.parseall(code) : Base.parse_input_line(code)
    out = IOBuffer()
    put_code(out, parsed)
    return String(take!(out))
end

function is_docstring(ex::Expr)
    ex.head === :macrocall && length(ex.args) == 4 || return false
    return ex.args[1] == GlobalRef(Core, Symbol("@doc"))
end

function put_code(out::IOBuffer, @nospecialize(ex))
    if ex isa Expr
        if ex.head === :error || ex.head === :incomplete
            throw(Meta.ParseError(string("the code does not parse: ", sprint(show, ex.args[end]))))
        end
        is_docstring(ex) && return put_code(out, ex.args[4])
        if ex.head === :struct # whose fields have their docstrings as plain strings before them
            fields = filter(x -> !(x isa String), ex.args[3].args)
            ex = Expr(:struct, ex.args[1], ex.args[2], Expr(:block, fields...))
        end
        write(out, "(", repr(ex.head), "\n")
        for argument in ex.args
            put_code(out, argument)
        end
        write(out, ")\n")
    elseif ex isa QuoteNode
        write(out, "(quote\n")
        put_code(out, ex.value)
        write(out, ")\n")
    elseif !(ex isa LineNumberNode)
        write(out, string(typeof(ex)), " ", repr(ex), "\n")
    end
    return nothing
end

# ------------------------------------------------------------------------------------------------ errors

# Class, message, line in the model's file, and trace of what was raised; no values of the data.
function describe(verb::String, raised, backtrace, file::String)
    line, backtraces = 0, Any[backtrace]
    while true
        if raised isa LoadError
            line == 0 && raised.file == file && (line = raised.line)
            raised = raised.error
        elseif raised isa CompositeException && !isempty(raised.exceptions)
            raised = raised.exceptions[1]
        elseif raised isa TaskFailedException
            raised.task.backtrace === nothing || push!(backtraces, raised.task.backtrace)
            raised = raised.task.exception
        else
            break
        end
    end
    trace = String[]
    for frames in reverse(backtraces), frame in stacktrace(frames[1:min(end, FRAMES_LOOKED_AT)])
        place = String(frame.file)
        place == file && line == 0 && (line = frame.line)
        (place == @__FILE__() || frame.from_c || startswith(place, "./")) && continue # ours, C's, Julia's own
        text = string(frame.func, " at ", basename(place), ":", frame.line)
        length(trace) < TRACE_LIMIT && (isempty(trace) || trace[end] != text) && push!(trace, text)
    end
    answer = put!(Answer("error"), "phase", "s", verb)
    put!(answer, "class", "s", string(nameof(typeof(raised))))
    put!(answer, "message", "s", String(first(explain(raised, file), MESSAGE_LIMIT)))
    put!(answer, "line", "i", string(line))
    put!(answer, "trace", "l", "")
    for i in 1:length(trace)
        put!(answer, "trace/$(i - 1)", "s", trace[i])
    end
    return answer
end

# The language's message without what it quotes of the data: only what the code says itself is shown.
function explain(raised, file::String)
    raised isa Union{ModelError,ProtocolError} && return raised.message
    raised isa StackOverflowError && return "the code calls itself without end"
    raised isa Meta.ParseError && return raised.msg
    raised isa OutOfMemoryError && return "out of memory: raise resources.memory, or use less"
    source = isfile(file) ? read(file, String) : ""
    raised isa KeyError && return string("there is no key ", quoted(repr(raised.key), source))
    raised isa DomainError && return string("a value is outside the domain; ", raised.msg)
    raised isa InexactError && return string("a value cannot be converted exactly to ", raised.T)
    text = try
        sprint(showerror, raised)
    catch # a model's own showerror may fail
        string("an exception of type ", typeof(raised))
    end
    raised isa ArgumentError || return text
    return replace(text, r"\"[^\"]*\"|'[^']*'" => part -> quoted(String(part), source))
end

quoted(text::String, source::String) = occursin(text, source) ? text : "..."

# ---------------------------------------------------------------------------------------------- commands

function hello(io::IOStream, message::Message, state::State)
    given = message.arguments
    state.seed, state.scratch = given["seed"]::Int64, given["scratch"]::String
    ENV["TMPDIR"] = state.scratch
    LinearAlgebra.BLAS.set_num_threads(given["threads"]::Int64)
    answer = put!(Answer("ready"), "protocol", "i", "1")
    put!(answer, "language", "s", "julia")
    put!(answer, "version", "s", string(VERSION))
    put!(answer, "int64", "b", "true")
    write_answer(io, put!(answer, "process", "i", string(getpid())))
end

function model(io::IOStream, message::Message, state::State)
    given = message.arguments
    state.recipe, state.measure, state.model, state.fitted = nothing, nothing, nothing, false
    isestimator = given["kind"]::String == "estimator"
    state.file = isestimator ? "" : given["path"]::String
    isestimator || work_beside(dirname(state.file), state.scratch)
    outputs = Vector{String}(given["outputs"])
    if given["kind"] == "measure"
        state.measure = load_measure(given, outputs)
    else
        state.recipe = Base.invokelatest(isestimator ? estimator_recipe : code_recipe, given, outputs)
    end
    write_answer(io, Answer("ok"))
end

# Changes into a folder that may be written to, and in which the files of `folder` are found.
function work_beside(folder::String, scratch::String)
    place = joinpath(scratch, string("work-", getpid()))
    mkpath(place)
    for name in readdir(folder)
        link = joinpath(place, name)
        islink(link) || symlink(joinpath(folder, name), link)
    end
    cd(place)
end

function recipe(state::State, fitted::Bool)
    state.recipe === nothing && throw(ModelError("no model is loaded"))
    fitted && !state.fitted && throw(ModelError("the model is neither fitted nor loaded"))
    return state.recipe::Recipe
end

# Answers with the packages that are loaded now; those of the standard library go without saying.
function ok_with_packages(io::IOStream)
    answer = put!(Answer("ok"), "packages", "m", "")
    for id in collect(keys(Base.loaded_modules))
        file = id.uuid === nothing ? nothing : pathof(Base.loaded_modules[id])
        (file === nothing || startswith(file, Sys.STDLIB)) && continue
        put!(answer, string("packages/", encode(id.name)), "s", Base.invokelatest(package_version, file)::String)
    end
    write_answer(io, answer)
end

# As its Project.toml says; empty where it says nothing.
function package_version(file::String)
    project = joinpath(dirname(dirname(file)), "Project.toml")
    found = isfile(project) ? match(r"^version\s*=\s*\"([^\"]*)\""m, read(project, String)) : nothing
    return found === nothing ? "" : String(found[1])
end

function fit(io::IOStream, message::Message, state::State)
    how = recipe(state, false)
    frame = join_frames(message.parts)
    empty!(message.parts)
    state.model, state.fitted = nothing, false
    Random.seed!(state.seed)
    state.model = run_fit(how, frame)
    state.model === nothing && how.fit !== learns_nothing && throw(ModelError("fit returned nothing"))
    state.fitted = true
    ok_with_packages(io)
end

function save(io::IOStream, ::Message, state::State)
    how = recipe(state, true)
    path = joinpath(state.scratch, "kronkers-artifact")
    Base.invokelatest(how.save, state.model, path)
    isfile(path) || throw(ModelError("save_model wrote no file to the path that it was given"))
    data = read(path)
    rm(path)
    write_answer(io, Answer("artifact"), vcat(Vector{UInt8}(string("blob\t", string(length(data)), "\n")), data))
end

function load(io::IOStream, message::Message, state::State)
    how = recipe(state, false)
    path = joinpath(state.scratch, "kronkers-artifact")
    file = open(path, "w")
    write(file, message.parts[1]::Vector{UInt8})
    close(file)
    state.model, state.fitted = nothing, false
    state.model = Base.invokelatest(how.load, path)
    state.fitted = true
    rm(path)
    ok_with_packages(io)
end

function score(io::IOStream, message::Message, state::State)
    how = recipe(state, true)
    frame = message.parts[end]::Frame
    Random.seed!(state.seed)
    for part in message.parts
        state.cells += (part::Frame).rows * length(part.names)
    end
    result = run_score(how, state.model, message.parts)
    # The latest world again: scoring may have loaded code that defines what `result` is.
    columns = Base.invokelatest(declared, result, how.outputs, frame.rows)
    part = Base.invokelatest(frame_bytes, how.outputs, columns, frame.rows)::Vector{UInt8}
    write_answer(io, Answer("scores"), part)
end

# The type of each column, as the model's code gets it.
function look(io::IOStream, message::Message, state::State)
    frame = message.parts[1]::Frame
    answer = put!(Answer("looks"), "columns", "m", "")
    for i in 1:length(frame.names)
        column = frame.columns[i]
        kind = replace(replace(string(typeof(column)), "Main.Kronkers." => ""), r"^Array\{(.*),\s?1\}$" => s"Vector{\1}")
        text = column isa Categorical ? string(kind, ", ", string(length(column.levels)), " levels") : kind
        put!(answer, string("columns/", encode(frame.names[i])), "s", text)
    end
    write_answer(io, answer)
end

const LONGEST_TEXT = 65536 # characters of a description

shown(@nospecialize(model)) = sprint() do io
    show(IOContext(io, :limit => true, :displaysize => (200, 120)), MIME("text/plain"), model)
end

# The fitted model as text: by describe(model) of the code, else as the REPL shows it.
function describe(io::IOStream, message::Message, state::State)
    how = recipe(state, true)
    text = Base.invokelatest(how.describe === nothing ? shown : how.describe, state.model)
    text isa AbstractString || throw(ModelError(string("describe returned ", typeof(text), "; it must return text")))
    write_answer(io, put!(Answer("described"), "text", "s", String(first(text, LONGEST_TEXT))))
end

# Judges rows: the target, the scores and the features are a frame each.
function measure(io::IOStream, message::Message, state::State)
    how = state.measure
    how === nothing && throw(ModelError("no measure is loaded"))
    truth, scores, data = (part::Frame for part in message.parts)
    one = length(scores.columns) == 1
    judged = one ? scores.columns[1] : table(scores.names, scores.columns, length(scores.names))
    features = table(data.names, data.columns, length(data.names))
    result = Base.invokelatest(how.call, truth.columns[1], judged, features)
    is_loss = how.name == "loss"
    columns =
        is_loss ? Base.invokelatest(one_a_row, result, truth.rows) :
        Base.invokelatest(numbers_by_name, result, how.columns)
    part = Base.invokelatest(frame_bytes, how.columns, columns, is_loss ? truth.rows : 1)::Vector{UInt8}
    write_answer(io, Answer("measured"), part)
end

function normalise(io::IOStream, message::Message, ::State)
    write_answer(io, put!(Answer("normalised"), "code", "s", normalised(message.arguments["code"]::String)))
end

const COMMANDS = ["hello", "model", "fit", "save", "load", "score", "look", "describe", "measure", "normalise"]

# ------------------------------------------------------------------------------------------- the process

# The command that is being answered, for the moment in which a model's code calls exit().
const doing = Ref{String}("")
const answers = Ref{IOStream}()

function at_exit()
    isempty(doing[]) && return nothing
    answer = put!(Answer("error"), "phase", "s", doing[])
    put!(answer, "class", "s", "exit")
    put!(answer, "message", "s", "the model's code ended the process by calling exit()")
    put!(answer, "line", "i", "0")
    write_answer(answers[], put!(answer, "trace", "l", ""))
    ccall(:_exit, Cvoid, (Cint,), 3)
end

function answer(io::IOStream, message::Message, state::State)
    message.verb in COMMANDS || throw(ProtocolError("no such command"))
    doing[] = message.verb
    try
        # The latest world: the model's code and its packages were defined after this function.
        Base.invokelatest(getfield(Kronkers, Symbol(message.verb)), io, message, state)
    catch raised
        backtrace = catch_backtrace()
        write_answer(io, Base.invokelatest(describe, message.verb, raised, backtrace, state.file)::Answer)
    end
    doing[] = ""
    return nothing
end

function serve(commands_path::String, answers_path::String)
    commands = open(commands_path, "r")
    answers[] = open(answers_path, "w")
    state = State(0, "", nothing, nothing, nothing, false, "", 0, new_memory(), new_memory())
    atexit(at_exit)
    while !eof(commands) && serve_next(commands, state)
        # The next chunk then gets this one's memory. Left to itself the collector waits until hundreds of MB are
        # in use, and new memory costs half as much again as reading the data. For a few rows it costs too much.
        state.cells >= MANY_CELLS && GC.gc(false)
    end
end

# Reads and answers one command. Returns false if it is to stop.
function serve_next(commands::IOStream, state::State)
    state.cells = 0
    message = read_message(commands, state.memory, state.apart)
    message.verb == "stop" && return false
    answer(answers[], message, state)
    return true
end

end # module Kronkers

Kronkers.serve(ARGS[1], ARGS[2])
