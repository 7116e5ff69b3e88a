"""The site: generated pages, charts and two plain MkDocs builds."""
