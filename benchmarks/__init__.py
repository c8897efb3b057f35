"""Measurements that tell what a method costs. They are no part of the tests: `make bench` runs them."""
