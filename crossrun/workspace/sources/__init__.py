"""What a workspace begins with: a folder, a repository, a URL."""
