"""Exchanges with other machines: DNS, HTTPS, HB46PP. Import them only where one is made."""
