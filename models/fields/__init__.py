"""The fields of a list, as operators change them."""
