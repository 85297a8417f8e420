"""What a build or a comparison found, outside the site: a page of Markdown, and JUnit XML for a build server."""
