"""Reading the facts of a run: of the models that are asked for, and of all that they read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kronkers_batch.access import authorisation, rights
from kronkers_batch.config.fingerprint import scoring_definition
from kronkers_batch.config.spec import InputRef, Promote
from kronkers_batch.data.reference import Wanted
from kronkers_batch.data.stated import Heads, Stated
from kronkers_batch.data.window import Window
from kronkers_batch.declared.sources import source_of
from kronkers_batch.declared.windows import days, outputs_of, scoring_window, training_window
from kronkers_batch.errors import KronkersError
from kronkers_batch.facts.as_facts import asking, output_of, problem_of, standings
from kronkers_batch.pipeline import ingest
from kronkers_batch.pipeline.definitions import define
from kronkers_batch.planning import training_due
from kronkers_batch.planning.facts import Day, Facts, Frozen, Input, Model, Problem
from kronkers_batch.session.services import Services
from kronkers_batch.vault.context import Scope
from kronkers_batch.warehouse.date_standing import DateStanding


def gather(
    services: Services, date: dt.date, names: Iterable[str], *, running: bool, asked: bool = False
) -> Facts:
    """The facts for a logical date.

    Args:
        services: The opened system.
        date: The logical date.
        names: The models that are asked for.
        running: Whether it is for a run of the caller; a plan shows what a run by who may would do.
        asked: Whether somebody asks for their training, so that its rows are looked at in any case.

    What cannot be found out about one model is that model's problem, and stops no other. Raises StoreError,
    IntegrityError of what is all models'.
    """
    return _Gathering(services, date, tuple(names), running, asked).facts()


@dataclass(frozen=True)
class _Window:
    """A window of what is read, and whose key it is frozen under."""

    ref: InputRef
    window: Window
    under: Scope


class _Gathering:
    def __init__(
        self, services: Services, date: dt.date, names: tuple[str, ...], running: bool, asked: bool
    ) -> None:
        self._services, self._date, self._asked = services, date, names
        self._running, self._by_hand = running, asked
        self._models: dict[str, Model] = {}
        self._days: dict[tuple[str, dt.date], Day] = {}
        self._heads: dict[str, dict[dt.date, str]] = {}
        self._inputs: dict[_Window, Input] = {}

    def facts(self) -> Facts:
        made = {name: self._declared(name) for name in self._reached(self._asked)}
        self._models = standings(self._services, made, self._date)
        trained = {name: self._input_of(name, training_window) for name in self._trained()}
        self._look(trained.values())
        for name, key in trained.items():
            self._models[name] = replace(self._models[name], training=self._read(key))
        tonight = {(name, self._date) for name in self._asked}
        waiting = tonight | self._needed(trained.values())
        while waiting:
            keys = {pair: self._input_of(pair[0], scoring_window, pair[1]) for pair in sorted(waiting)}
            self._look(keys.values())
            self._days |= self._scored(keys)
            waiting = self._needed(keys.values()) - self._days.keys()
        return Facts(self._date, self._asked, self._models, self._days, self._heads)

    def _reached(self, names: Iterable[str]) -> list[str]:
        """The models, and those whose outputs they read, each once."""
        found: dict[str, None] = {}
        waiting = list(names)
        while waiting:
            name = waiting.pop(0)
            if name not in found:
                found[name] = None
                waiting += outputs_of(self._services, self._services.model(name).source)
        return list(found)

    # ------------------------------------------------------------ models

    def _declared(self, name: str) -> Model:
        """What there is of a model but its versions."""
        services, spec = self._services, self._services.model(name)
        forbidden = rights.refusal(services, name) if self._running else None
        refused = authorisation.refusal(services, name)
        made = Model(
            name=name,
            department=spec.department,
            automatic=spec.promote is Promote.AUTOMATIC,
            every=None if spec.imported else spec.retrain.every,  # a file grows no better with age
            refused=problem_of(refused) if refused else None,
            forbidden=problem_of(forbidden) if forbidden else None,
            seen=rights.sees(services, name),
        )
        if refused is not None or not made.seen:
            return made
        made = replace(made, scoring=scoring_definition(spec, services.config.sources))
        definition = asking(lambda: define(services, spec))
        if isinstance(definition, Problem):
            return replace(made, undefined=definition)
        return replace(
            made, definition=definition.training, permission=authorisation.fingerprint(services, name)
        )

    def _trained(self) -> Iterator[str]:
        """The models of which a training reads rows tonight, as far as that is known."""
        for name, model in self._models.items():
            if model.refused or model.undefined or model.unknown or not model.seen:
                continue
            due = training_due.due(model, self._date)
            if (due and due.fingerprint not in model.trained) or (self._by_hand and name in self._asked):
                yield name

    # ------------------------------------------------------------ windows

    def _input_of(
        self, name: str, window_of: Callable[..., Window], date: dt.date | None = None
    ) -> _Window | Problem:
        """Which window of its source a model reads; models that share it ask of it once."""
        services, spec, model = self._services, self._services.model(name), self._models[name]
        if problem := model.refused or model.unknown:
            return problem

        def asked() -> _Window:
            window = window_of(spec, source_of(services, spec.source), date or self._date)
            return _Window(spec.source, window, ingest.owner(services, spec))

        return asking(asked)

    def _read(self, key: _Window | Problem) -> Input | Problem:
        return key if isinstance(key, Problem) else self._inputs[key]

    def _look(self, keys: Iterable[_Window | Problem]) -> None:
        """Asks of windows what tells whether they changed, and which of them are frozen."""
        new = dict.fromkeys(key for key in keys if isinstance(key, _Window) and key not in self._inputs)
        self._inputs |= {key: self._window(key) for key in new}
        stated = {key: one for key in new if isinstance(one := self._inputs[key].stated, Stated)}
        self._look_up([hole for one in stated.values() for hole in one.holes()])
        wanted = {
            key: Wanted(
                source_of(self._services, key.ref).name,
                key.window,
                one.digest(self._covered),
                tuple(ingest.believed(self._services, key.ref, key.under)),
            )
            for key, one in stated.items()
        }
        for key, frozen in self._frozen(wanted).items():
            made = self._inputs[key]
            self._inputs[key] = (
                replace(made, stated=frozen) if isinstance(frozen, Problem) else replace(made, frozen=frozen)
            )

    def _window(self, key: _Window) -> Input:
        services, window = self._services, key.window
        return Input(
            source=source_of(services, key.ref).name,
            under=str(key.under),
            start=window.start.isoformat() if window.start else "",
            end=window.end.isoformat() if window.end else "",
            window=str(window),
            reads=tuple((model, day) for model in outputs_of(services, key.ref) for day in days(window)),
            stated=asking(lambda: ingest.state(services, key.ref, window)),
        )

    def _frozen(self, asked: Mapping[_Window, Wanted]) -> dict[_Window, Frozen | Problem]:
        snapshots = self._services.snapshots
        with self._services.db.read() as connection:
            found = snapshots.find_many(asked.values(), connection)
            absent = [wanted for wanted in asked.values() if found[wanted] is None]
            before = snapshots.frozen_before(absent, connection) if absent else set()
        known: dict[_Window, Frozen | Problem] = {}
        for key, wanted in asked.items():
            there = found[wanted]
            if isinstance(there, KronkersError):
                known[key] = problem_of(there)
            elif there is not None:
                known[key] = Frozen.YES
                name = (wanted.source, str(key.window), str(key.under), wanted.identity)
                self._services.run.frozen[name] = there
            elif wanted not in before:
                known[key] = Frozen.NOT_YET
            else:
                gone = snapshots.look(wanted)[1]
                known[key] = Frozen.GONE if gone else Frozen.CHANGED
        return known

    def _look_up(self, holes: Sequence[Heads]) -> None:
        """The heads of the dates that are read; of a window without a beginning all that there are."""
        warehouse = self._services.warehouse
        dated = [hole for hole in holes if hole.start is not None and hole.end is not None]
        pairs = [(hole.model, day) for hole in dated for day in days(Window(hole.start, hole.end))]
        for (model, date), head in (warehouse.head_ids(pairs) if pairs else {}).items():
            self._heads.setdefault(model, {})[date] = head
        for hole in dict.fromkeys(hole for hole in holes if hole not in dated):
            found = warehouse.heads(hole.model, first=hole.first, last=hole.last)
            self._heads.setdefault(hole.model, {}).update({head.date: head.id for head in found})

    def _covered(self, hole: Heads) -> list[str]:
        known = self._heads.get(hole.model, {})
        return [known[date] for date in sorted(known) if hole.covers(date)]

    # ------------------------------------------------------------ dates

    def _scored(
        self, asked: Mapping[tuple[str, dt.date], _Window | Problem]
    ) -> dict[tuple[str, dt.date], Day]:
        """What there is of dates, with what is scored."""
        pairs = [pair for pair, key in asked.items() if isinstance(key, _Window)]
        found = self._services.warehouse.standings(pairs) if pairs else {}
        return {pair: self._day(pair[0], key, found.get(pair)) for pair, key in asked.items()}

    def _day(self, name: str, key: _Window | Problem, there: DateStanding | KronkersError | None) -> Day:
        if isinstance(key, Problem) or there is None:
            return Day(self._read(key))
        if isinstance(there, KronkersError):
            return Day(problem_of(there))
        spec = self._services.model(name)
        outputs = tuple(output_of(spec, one) for one in there.versions)
        head = next((one for one in outputs if one.head), None)
        if head is None and there.head is not None:
            head = output_of(spec, there.head)
        return Day(self._read(key), outputs, head)

    def _needed(self, keys: Iterable[_Window | Problem]) -> set[tuple[str, dt.date]]:
        """The outputs that must be made first: tonight's, and those that readers of an earlier date lack."""
        found = set()
        for read in map(self._read, keys):
            for name, date in read.reads if isinstance(read, Input) else ():
                lacking = date == self._date or date not in self._heads.get(name, {})
                if lacking and self._models[name].seen:
                    found.add((name, date))
        return found
