"""Who is in a simulated directory: employees, and the teams that they are in."""

from dataclasses import dataclass
from typing import Any

from ops.simulators.schemas import USER, Document

_GIVEN = ("Mila", "Ravi", "Noor", "Petra", "Sol", "Amara", "Jonas", "Yuki", "Carlos", "Ines", "Tomas", "Leila")
_FAMILY = ("Okafor", "Menon", "Haddad", "Novak", "Ferro", "Diallo", "Berg", "Tanaka", "Reyes", "Costa", "Zeman")
_TITLES = ("Teacher", "Registrar", "Librarian", "Counsellor", "Bursar", "Caretaker")
_DEPARTMENTS = ("Admissions", "Science", "Library", "Finance", "Sport")


@dataclass(frozen=True)
class Employee:
    """Somebody in an IdP's directory; everything follows from the number, so that a run can be repeated."""

    number: int
    idp: str
    title: str

    @classmethod
    def of(cls, number: int, idp: str) -> "Employee":
        """The employee of this number."""
        return cls(number, idp, _TITLES[number % len(_TITLES)])

    @property
    def given(self) -> str:
        """First name."""
        return _GIVEN[self.number % len(_GIVEN)]

    @property
    def family(self) -> str:
        """Last name."""
        return _FAMILY[self.number // len(_GIVEN) % len(_FAMILY)]

    @property
    def user_name(self) -> str:
        """Unique in an IdP's directory."""
        return f"{self.given}.{self.family}{self.number}@{self.idp}.example".lower()

    @property
    def anchor(self) -> str:
        """The IdP's own identifier."""
        return f"{self.idp[:2]}u{self.number:012d}"

    @property
    def department(self) -> str:
        """Where they work."""
        return _DEPARTMENTS[self.number % len(_DEPARTMENTS)]

    def core(self, **more: Any) -> Document:
        """The attributes that every IdP sends, in the RFC's shape."""
        return {
            "schemas": [USER],
            "userName": self.user_name,
            "name": {"givenName": self.given, "familyName": self.family},
            "displayName": f"{self.given} {self.family}",
            "emails": [{"value": self.user_name, "type": "work", "primary": True}],
            "title": self.title,
            **more,
        }

    def enterprise(self) -> Document:
        """The enterprise extension (RFC 7643 §4.3)."""
        return {"employeeNumber": f"E{self.number:06d}", "department": self.department}


@dataclass(frozen=True)
class Team:
    """A group in an IdP's directory."""

    number: int
    idp: str

    @property
    def name(self) -> str:
        """Unique in an IdP's directory."""
        return f"{_DEPARTMENTS[self.number % len(_DEPARTMENTS)]} {self.number}"

    @property
    def first_name(self) -> str:
        """What it is called until it is filled, by IdPs that can rename."""
        return f"{self.name} (new)"

    @property
    def anchor(self) -> str:
        """The IdP's own identifier."""
        return f"{self.idp[:2]}g{self.number:012d}"
