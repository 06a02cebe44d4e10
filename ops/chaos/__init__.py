"""Muster under faults: providers push and write down what was acknowledged, processes and connections die meanwhile,
and an auditor compares at the end."""
