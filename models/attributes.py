"""The 27 attributes of an identity provider that can be mapped to fields (product rule M1)."""

from typing import NamedTuple

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
# Where Directory Sync keeps what SCIM has no place for; the name is ours.
ENTRA = "urn:ietf:params:scim:schemas:extension:Entra:2.0:User"


class Attribute(NamedTuple):
    """One row: `path` is its SCIM path, None for the two slots that an operator fills; `on` by default."""

    path: str | None
    label: str
    category: str
    type: str
    on: bool
    default_field: str


ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute("name.givenName", "Given name", "Name", "text", True, "First Name"),
    Attribute("name.familyName", "Family name", "Name", "text", True, "Last Name"),
    Attribute("displayName", "Display name", "Name", "text", True, "Display Name"),
    Attribute("name.middleName", "Middle name", "Name", "text", False, "Middle Name"),
    Attribute("name.formatted", "Formatted name", "Name", "text", False, "Full Name"),
    Attribute("name.honorificPrefix", "Honorific prefix", "Name", "text", False, "Title Prefix"),
    Attribute('emails[type eq "work"].value', "Work e-mail", "Contact", "email", True, "Email"),
    Attribute("emails[primary eq true].value", "Primary e-mail", "Contact", "email", True, "Primary Email"),
    Attribute('emails[type eq "home"].value', "Home e-mail", "Contact", "email", False, "Personal Email"),
    Attribute('phoneNumbers[type eq "work"].value', "Work phone", "Contact", "text", True, "Phone"),
    Attribute('phoneNumbers[type eq "mobile"].value', "Mobile phone", "Contact", "text", False, "Mobile"),
    Attribute('addresses[type eq "work"].streetAddress', "Street address", "Contact", "text", False, "Street Address"),
    Attribute('addresses[type eq "work"].locality', "Locality", "Contact", "text", False, "City"),
    Attribute('addresses[type eq "work"].region', "Region", "Contact", "text", False, "State"),
    Attribute('addresses[type eq "work"].postalCode', "Postal code", "Contact", "text", False, "Postcode"),
    Attribute('addresses[type eq "work"].country', "Country", "Contact", "text", False, "Country"),
    Attribute("title", "Title", "Organisation", "text", True, "Job Title"),
    Attribute(f"{ENTERPRISE}:department", "Department", "Organisation", "text", True, "Department"),
    Attribute(f"{ENTERPRISE}:employeeNumber", "Employee number", "Organisation", "text", True, "Employee Number"),
    Attribute(f"{ENTERPRISE}:organization", "Organisation", "Organisation", "text", False, "Organisation"),
    Attribute(f"{ENTERPRISE}:division", "Division", "Organisation", "text", False, "Division"),
    Attribute(f"{ENTERPRISE}:costCenter", "Cost centre", "Organisation", "text", False, "Cost Centre"),
    Attribute(f"{ENTERPRISE}:manager", "Manager", "Organisation", "text", False, "Manager"),
    Attribute(None, "Custom attribute A", "Organisation", "text", False, "Custom A"),
    Attribute(None, "Custom attribute B", "Organisation", "text", False, "Custom B"),
    Attribute("userName", "User name", "Account", "text", False, "Username"),
    Attribute("active", "Active", "Account", "text", False, "Status"),
)

# The property of Microsoft Graph that fills an attribute in a Directory Sync
# (learn.microsoft.com/graph/api/resources/user); the others have none.
GRAPH = {
    "name.givenName": "givenName",
    "name.familyName": "surname",
    "displayName": "displayName",
    'emails[type eq "work"].value': "mail",
    "emails[primary eq true].value": "mail",
    'emails[type eq "home"].value': "otherMails",
    'phoneNumbers[type eq "work"].value': "businessPhones",
    'phoneNumbers[type eq "mobile"].value': "mobilePhone",
    'addresses[type eq "work"].streetAddress': "streetAddress",
    'addresses[type eq "work"].locality': "city",
    'addresses[type eq "work"].region': "state",
    'addresses[type eq "work"].postalCode': "postalCode",
    'addresses[type eq "work"].country': "country",
    "title": "jobTitle",
    f"{ENTERPRISE}:department": "department",
    f"{ENTERPRISE}:employeeNumber": "employeeId",
    f"{ENTERPRISE}:organization": "companyName",
    f"{ENTERPRISE}:division": "employeeOrgData.division",
    f"{ENTERPRISE}:costCenter": "employeeOrgData.costCenter",
    f"{ENTERPRISE}:manager": "manager",
    "userName": "userPrincipalName",
    "active": "accountEnabled",
}
