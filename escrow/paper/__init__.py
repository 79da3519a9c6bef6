"""Pages for people: their content, and what becomes of it as HTML and as tagged PDF."""
