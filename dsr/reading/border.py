"""One table of a file becomes values on a regular time grid, or is refused with the call that helps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import DataError, nearest
from ..points import refuse_overflow
from ..repair import CUT, MAX_GAP, interpolate_missing, longest_gap, resample
from .clock import TOLERANCE, explains, is_monotone, regular_step
from .dates import UNIT, elapsed, holds_dates, looks_dated
from .tables import Table, labels, numbers, time_columns, unit_told


@dataclass(frozen=True)
class Border:
    """What the user asked of every trajectory of one file."""

    file: str
    dt: float | None
    columns: Sequence[str | int] | None
    time_column: str | int | None
    trajectory_column: str | int | None
    interpolate: bool
    resample: bool

    def trajectories(self, table: Table) -> list[Table]:
        """The table, or one for each label in the trajectory column (in order of appearance)."""
        if self.trajectory_column is None:
            return [table]
        index = self._index(table, self.trajectory_column, "--trajectory-column (trajectory_column=)")
        marks = labels(table.columns[index])
        _, first = np.unique(marks, return_index=True)
        keep = [i for i in range(len(table.columns)) if i != index]
        parts = []
        for mark in marks[np.sort(first)]:
            rows = np.flatnonzero(marks == mark)
            taken = [table.columns[i].take(rows) for i in keep]
            names, label = tuple(table.names[i] for i in keep), f"{table.names[index]} {mark}"
            parts.append(replace(table, names=names, columns=taken, label=label, first_line=None))
        return parts

    def judge(
        self, table: Table, parts: Sequence[Table]
    ) -> tuple[np.ndarray, float, str | None, tuple[str, ...], dict[str, Any]]:
        """(values, dt, unit of time if the file tells it, names, what goes into origin) of one table of the `parts`."""
        if self.time_column == "none":
            table = replace(table, dt=None, time_unit=None)
        clock = self._time_index(table)
        if self.columns is None:
            chosen = [i for i in range(len(table.columns)) if i != clock]
            self._refuse_row_numbers(table, chosen)
        else:
            chosen = [self._index(table, c, "--columns (columns=[...])") for c in self.columns]
        if not chosen:
            raise DataError(
                f"'{self.file}' has no column beside time",
                "at least one observed column",
                "name one with --columns",
            )
        self._refuse_repeats(table, chosen)
        if clock in chosen:
            rest = [name for i, name in enumerate(table.names) if i != clock]
            raise DataError(
                f"--columns (columns=[...]) names '{table.names[clock]}', the time column of '{self.file}'",
                f"observed columns, of {', '.join(rest[:20])}",
                "name those, or if it holds no times give --time-column none (time_column='none') too",
            )
        names = tuple(table.names[i] for i in chosen)
        values = np.stack([numbers(table, i, self.file) for i in chosen], axis=1)
        refuse_overflow(values, names)
        if table is parts[0]:
            self._refuse_clocks(parts, chosen, clock)
        self._refuse_empty(table, chosen, values)
        repairs: list[str] = []
        times = None if clock is None else self._times(table, clock)
        bad = ~np.isfinite(values)
        if bad.any():
            values = self._fill(values, bad, names, times, table)
            repairs.append(f"interpolated {int(bad.sum())} missing values")
        values, step, source = self._step(values, times, table, clock, repairs)
        about: dict[str, Any] = {"columns": list(names), "dt_source": source, "repairs": repairs}
        if len(parts) > 1 or self.trajectory_column is not None:
            about["trajectory"] = table.label
        unit = table.time_unit if clock is None else self._unit(table, clock)
        return values, step, unit, names, about

    def _index(self, table: Table, wanted: str | int, flag: str) -> int:
        if table.names.count(str(wanted)) > 1:
            raise DataError(
                f"'{self.file}' has several columns '{wanted}'",
                "a name that occurs once",
                f"give its index in {flag}",
            )
        if isinstance(wanted, str) and wanted in table.names:
            return table.names.index(wanted)
        if str(wanted).isdigit() and int(wanted) < len(table.names):
            return int(wanted)
        close = nearest(str(wanted), table.names)
        raise DataError(
            f"'{self.file}' has no column '{wanted}'",
            f"{', '.join(table.names[:20])}, or an index from 0 to {len(table.names) - 1}",
            f"did you mean '{close}'?  Correct it in {flag}" if close else f"correct it in {flag}",
        )

    def _time_index(self, table: Table) -> int | None:
        if self.time_column == "none":
            return None
        if self.time_column is not None:
            return self._index(table, self.time_column, "--time-column (time_column=)")
        known = time_columns(table.names)
        dated = [i for i, column in enumerate(table.columns) if holds_dates(column)]
        hits = (
            [i for i in known if self._starts_with_a_number(table, i)]
            or [i for i in dated if i in known]
            or dated
            or [i for i, c in enumerate(table.columns) if self.dt is None and (i in known or looks_dated(c))]
        )
        if len(hits) > 1:
            raise DataError(
                f"'{self.file}' has several time columns: {', '.join(table.names[i] for i in hits)}",
                "one time column",
                "choose with --time-column (time_column='...')",
            )
        return hits[0] if hits else None

    def _starts_with_a_number(self, table: Table, index: int) -> bool:
        try:
            numbers(Table(table.names, [column[:1] for column in table.columns]), index, self.file)
        except DataError:
            return False
        return True

    def _unit(self, table: Table, clock: int) -> str | None:
        if holds_dates(table.columns[clock]):
            return UNIT
        return unit_told(table.names[clock]) or table.time_unit

    def _refuse_clocks(self, parts: Sequence[Table], chosen: Sequence[int], clock: int | None) -> None:
        """A column that rises or falls all along is a time or a row number, unless the user has named it."""
        table = parts[0]
        named = [i for i in chosen if self.columns and table.names[i] in self.columns]
        found = [i for i in chosen if i not in named and is_monotone([numbers(p, i, self.file) for p in parts])]
        if not found:
            return
        name = table.names[found[0]] or str(found[0])
        rest = [table.names[i] or str(i) for i in chosen if i not in found]
        steps = [f"if it holds the times: --time-column {name} (time_column='{name}')"] if clock is None else []
        if rest:
            steps.append(f"name the observed columns: --columns {','.join(rest)} (columns={rest})")
        steps.append(f"if it was observed: name it in --columns (columns=['{name}'])")
        raise DataError(
            f"column '{name}' of '{self.file}' rises or falls from every row to the next, like a time or a row number",
            "observed columns",
            "; or ".join(steps),
        )

    def _refuse_empty(self, table: Table, chosen: Sequence[int], values: np.ndarray) -> None:
        empty = [i for i, column in zip(chosen, values.T, strict=True) if np.isnan(column).all()]
        if not empty:
            return
        rest = [table.names[i] or str(i) for i in chosen if i not in empty]
        trailing = empty[0] == len(table.names) - 1 and table.first_line is not None
        raise DataError(
            f"column '{table.names[empty[0]] or empty[0]}' of '{self.file}' is empty"
            + (", as after a separator at the end of each line" if trailing else ""),
            "columns with numbers",
            f"leave it out: --columns {','.join(rest)} (columns={rest})"
            if rest
            else "bring the columns that were observed",
        )

    def _refuse_repeats(self, table: Table, chosen: Sequence[int]) -> None:
        for place, index in enumerate(chosen):
            name = table.names[index]
            if index in chosen[:place]:
                raise DataError(
                    f"--columns (columns=[...]) names column '{name}' twice",
                    "each column once",
                    "leave one of them out",
                )
            if name in [table.names[i] for i in chosen[:place]]:
                raise DataError(
                    f"'{self.file}' has several columns '{name}'",
                    "a name for each column",
                    "rename them in the file, or name the columns to read by index: --columns 0,2 (columns=[0, 2])",
                )

    def _refuse_row_numbers(self, table: Table, chosen: Sequence[int]) -> None:
        # Tables written with their index have a first column without a name that counts the rows.
        if len(chosen) > 1 and table.names[chosen[0]] == "":
            count = numbers(table, chosen[0], self.file)
            if (count - count[0] == np.arange(len(count))).all():
                rest = [table.names[i] for i in chosen[1:]]
                raise DataError(
                    f"the first column of '{self.file}' has no name and counts the rows",
                    "observed columns only",
                    f"name them: --columns {','.join(rest)} (columns={rest})",
                )

    def _times(self, table: Table, clock: int) -> np.ndarray:
        times = elapsed(table, clock, self.file)
        name = table.names[clock]
        if not np.isfinite(times).all():
            raise DataError(
                f"time column '{name}' of '{self.file}' has {int((~np.isfinite(times)).sum())} missing values",
                "a time in every row",
                "if the rows are equally spaced, give the step instead: --time-column none --columns ... "
                "--dt 0.01 (time_column='none', columns=[...], dt=0.01)",
            )
        if len(times) < 2:
            where = f", {table.label}," if table.label else ""
            raise DataError(f"'{self.file}'{where} has a single row", "at least two rows", "bring a longer record")
        steps = np.diff(times.astype(np.float64))
        if (steps <= 0).any():
            raise DataError(
                f"time column '{name}' of '{self.file}' does not increase at row {int(np.argmax(steps <= 0)) + 1}",
                "strictly increasing times",
                "sort the rows by time; if the file holds several trajectories name the column that tells them apart "
                f"with --trajectory-column (trajectory_column='...'); if '{name}' holds no times give --time-column "
                "none (time_column='none')",
            )
        return times

    def _fill(
        self,
        values: np.ndarray,
        bad: np.ndarray,
        names: Sequence[str],
        times: np.ndarray | None,
        table: Table,
    ) -> np.ndarray:
        if self.interpolate:
            return interpolate_missing(values, times=times)
        row, column = np.argwhere(bad)[0]
        line = "" if table.first_line is None else f", line {table.first_line + row}"
        raise DataError(
            f"'{self.file}' has {int(bad.sum())} missing or infinite values, the first in column "
            f"'{names[column]}' (row {row}{line})",
            "finite numbers only",
            "fill short gaps with --missing interpolate (missing='interpolate'), or call "
            "dsr.repair.interpolate_missing(values)",
        )

    def _longest_gap(self, times: np.ndarray, table: Table, name: str) -> str:
        """Length and place of the longest step. Raises `DataError` where it is too long to be filled."""
        row, length, missing = longest_gap(times, self.dt if self.resample else None)
        line = "" if table.first_line is None else f", line {table.first_line + row}"
        gap = f"{length:.6g} after row {row} (time {times[row]:.6g}{line})"
        if missing < MAX_GAP + 0.5:
            return gap
        raise DataError(
            f"time column '{name}' of '{self.file}' is irregular: it has a gap of {gap}, {missing:.0f} missing rows",
            f"a constant step, or with --resample gaps of at most {MAX_GAP} rows",
            CUT,
        )

    def _step(
        self,
        values: np.ndarray,
        times: np.ndarray | None,
        table: Table,
        clock: int | None,
        repairs: list[str],
    ) -> tuple[np.ndarray, float, str]:
        """(values, dt, where dt comes from)."""
        if times is None or clock is None:
            if table.dt is not None and self.dt is not None and abs(self.dt - table.dt) > TOLERANCE * table.dt:
                raise DataError(
                    f"dt = {self.dt:g}, but '{self.file}' says that its step is {table.dt:g}",
                    "the step of the file",
                    "leave out --dt (dt=), or disregard what it says with --time-column none (time_column='none')",
                )
            step = table.dt if self.dt is None else self.dt
            if step is None or self.resample:
                raise DataError(
                    f"'{self.file}' has no time column" + ("" if self.dt is None else " to resample by"),
                    "the time between two rows, or a column with the times",
                    "give --dt 0.01 (dt=0.01) or --time-column NAME (time_column='NAME')",
                )
            return values, step, "file" if self.dt is None else "given"
        name = table.names[clock]
        step, irregularity = regular_step(times)
        if self.dt is not None and not irregularity and explains(times, self.dt):
            return values, self.dt, f"given, agrees with time column {name}"
        differs = self.dt is not None and abs(self.dt - step) > TOLERANCE * step
        if not irregularity and not differs:
            return values, step, f"time column {name}"
        gap = self._longest_gap(times, table, name)
        if self.resample:
            values, new = resample(times, values, self.dt)
            repairs.append(f"resampled by a cubic spline to dt = {new:.12g}")
            return values, new, f"time column {name}, resampled"
        if irregularity:
            raise DataError(
                f"time column '{name}' of '{self.file}' is irregular: the median step is "
                f"{np.median(np.diff(times)):.6g}, the longest is {gap}",
                "a constant step (relative tolerance 1e-6 and rounding)",
                "put the samples on a regular grid with --resample (resample=True), or call "
                "dsr.repair.resample(times, values)",
            )
        raise DataError(
            f"dt = {self.dt:g}, but time column '{name}' of '{self.file}' has the step {step:g}",
            "the step of the time column",
            f"leave out --dt (dt=); to resample give --resample (resample=True) too; to disregard '{name}' "
            "give --time-column none and --columns (time_column='none', columns=[...])",
        )
