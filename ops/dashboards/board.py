"""A dashboard: rows of panels, what can be chosen above them, and a link to its neighbours."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import dashboard as building
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from ops.dashboards.panels import SOURCE, Panel

TAG = "muster"


@dataclass(frozen=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Board:
    """One dashboard. Its `name` is part of its address and of its file's."""

    name: str
    title: str
    about: str
    rows: Sequence[Row]
    variables: Sequence[building.QueryVariable] = ()
    since: str = "now-6h"

    def document(self) -> dict[str, Any]:
        """As Grafana imports it."""
        made = building.Dashboard(f"Muster · {self.title}").uid(f"{TAG}-{self.name}").description(self.about)
        made.tags([TAG]).timezone("browser").time(self.since, "now").refresh("30s").editable()
        made.tooltip(DashboardCursorSync.CROSSHAIR).link(_neighbours())
        made.with_variable(building.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        for variable in self.variables:
            made.with_variable(variable)
        for row in self.rows:
            made.with_row(building.Row(row.title))
            for panel in row.panels:
                made.with_panel(panel)
        found: dict[str, Any] = json.loads(JSONEncoder().encode(made.build()))
        # Without numbers Grafana gives them, other ones at each load, and links to a panel end nowhere.
        for number, panel in enumerate(found["panels"], 1):
            panel["id"] = number
        return found

    def text(self) -> str:
        """The file's text."""
        return json.dumps(self.document(), indent=1, ensure_ascii=False) + "\n"


def label_values(name: str, label: str, metric: str, about: str) -> building.QueryVariable:
    """A choice of one of a label's values."""
    variable = building.QueryVariable(name).label(label).description(about).datasource(SOURCE)
    query: dict[str, object] = {"query": f"label_values({metric}, {name})", "refId": name}
    return variable.query(query).refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)


def any_of(name: str, label: str, metric: str, about: str) -> building.QueryVariable:
    """A choice of several of a label's values, or of all."""
    variable = label_values(name, label, metric, about).multi(True).include_all(True).all_value(".*")
    return variable.current(VariableOption(selected=True, text=["All"], value=["$__all"]))


def _neighbours() -> building.DashboardLink:
    link = building.DashboardLink("Dashboards of Muster").type(DashboardLinkType.DASHBOARDS).tags([TAG])
    return link.as_dropdown(True).keep_time(True)
