# A linear regression as Julia packages are: functions on tables. For tests of declared estimators.
__precompile__(false) # a test starts sooner

module LinearFit

struct Line
    intercept::Bool
    coefficients::Vector{Float64}
end

function design(features, intercept)
    columns = collect(Vector{Float64}, values(features))
    intercept && pushfirst!(columns, ones(length(columns[1])))
    return reduce(hcat, columns)
end

fit(features, y; intercept = true) = Line(intercept, design(features, intercept) \ y)
predict(line::Line, features) = design(features, line.intercept) * line.coefficients
half(line::Line, features; of = 1.0) = predict(line, features) .* of ./ 2

end
