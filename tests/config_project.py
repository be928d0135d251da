"""A small project folder for tests: three departments, three sources, three models in three languages."""

from __future__ import annotations

from pathlib import Path

FILES = {
    "config.yaml": """\
defaults:
  - schema
  - warehouse: sqlite
  - executor: local
  - alerts: none
  - _self_
home: var
logical_date: null
key_file: ${oc.env:KRONKERS_KEY_FILE,'~/.config/kronkers/identity.key'}
""",
    "warehouse/sqlite.yaml": """\
url: sqlite:///${home}/warehouse.db
artifacts: ${home}/artifacts
checkpoints: ""
""",
    "executor/local.yaml": """\
workers: 1
sandbox: require
chunk_rows: 262144
piece_rows: 65536
""",
    "alerts/none.yaml": """\
{}
""",
    "template/classifier.yaml": """\
task: binary
window:
  train: 90d
  holdout: 14d
  score: 1d
  label_delay: 1d
unseen: other
rows: independent
thresholds:
  training:
    auc: {min: 0.6}
  output:
    rows: {min: 1}
    null_share: {max: 0.01}
    score: {min: 0, max: 1}
retrain: {every: 30d}
promote: automatic
output:
  columns: {score: float}
  retention: 400d
""",
    "template/regressor.yaml": """\
task: regression
window:
  train: 90d
  holdout: 14d
  score: 1d
  label_delay: 1d
unseen: other
rows: independent
thresholds:
  training:
    r2: {min: 0.1}
  output:
    rows: {min: 1}
    null_share: {max: 0.01}
retrain: {every: 30d}
promote: automatic
output:
  columns: {score: float}
  retention: 400d
""",
    "department/operations.yaml": "title: Operations\nowner: Ada Lovelace\n",
    "department/planning.yaml": "owner: Grace Hopper\n",
    "source/flights.yaml": """\
department: operations
description: every flight out of New York
kind: csv
path: data/flights.csv
columns:
  time_hour: timestamp
  carrier: string
  flight: integer
  origin: {type: category, levels: [EWR, JFK, LGA]}
  distance: float
  air_time: float
  late: boolean
key: [time_hour, carrier, flight]
time_column: time_hour
shared_with: [planning]
csv: {null: NA}
checks:
  - {column: distance, min: 0, max: 6000}
  - {column: origin, in: [EWR, JFK, LGA], on_failure: warn}
  - {column: carrier, pattern: "[0-9A-Z]+", on_failure: drop, up_to: 1%}
  - {column: flight, nulls: false}
  - {expression: "distance > 0 and air_time > 0"}
  - {unique: [time_hour, carrier, flight]}
  - {rows: {min: 1}}
  - {freshness: 2d, column: time_hour}
""",
    "source/warehouse_rows.yaml": """\
department: operations
kind: database
url: ${oc.env:ROWS_URL}
query: SELECT * FROM rows
columns: {a: float, day: date}
key: a
""",
    "source/joined.yaml": """\
department: planning
kind: query
query: SELECT f.*, a.score FROM flights f JOIN air_time a USING (time_hour, carrier, flight)
inputs:
  flights: flights
  air_time: {output: air_time}
columns: {time_hour: timestamp, carrier: string, flight: integer, score: float, distance: float}
key: [time_hour, carrier, flight]
time_column: time_hour
""",
    "model/late.yaml": """\
defaults: [/template/classifier]
department: operations
owner: Ada Lovelace
description: will a flight be late
language: python
estimator:
  _target_: sklearn.linear_model.LogisticRegression
  C: 0.5
source: flights
features: {distance: float, carrier: category, origin: category}
target: late
schedule: "02:00"
resources: {workers: 2, memory: 2GB}
""",
    "model/air_time.yaml": """\
defaults: [/template/regressor]
department: planning
owner: Grace Hopper
language: r
estimator: {function: "stats::glm", formula: "air_time ~ distance", arguments: {family: gaussian}}
source: flights
features: [distance, carrier]
target: air_time
""",
    "model/delay.yaml": """\
defaults: [/template/regressor]
department: planning
owner: Grace Hopper
language: julia
code: models/delay/model.jl
source: joined
features: [score, carrier]
target: distance
""",
}
ENVIRON = {"ROWS_URL": "postgresql://reader:hunter2secret@db/rows"}


def make(folder: Path, **changed: str | None) -> Path:
    """The conf folder of a fresh project; ``changed`` files (``model__late=...``) replace or (None) go."""
    conf = folder / "conf"
    conf.mkdir(parents=True)
    files: dict[str, str | None] = dict(FILES)
    files.update({name.replace("__", "/") + ".yaml": text for name, text in changed.items()})
    for name, text in files.items():
        if text is not None:
            (conf / name).parent.mkdir(exist_ok=True)
            (conf / name).write_text(text)
    code = folder / "models" / "delay" / "model.jl"
    code.parent.mkdir(parents=True)
    code.write_text("fit(data, params) = nothing\nscore(model, data) = nothing\n")
    return conf
