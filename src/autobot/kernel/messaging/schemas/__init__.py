"""Schemas of messages: what may follow what. Pure comparisons of JSON Schemas (draft 2020-12), nothing is fetched."""
