folder={{ settings.folder }}
if ! mountpoint -q "$folder"; then
    echo "closed: what is written to $folder now is not encrypted"
    exit 1
elif ! timeout 1 ls "$folder" > /dev/null 2>&1; then
    echo "open, and nobody can read it"
    exit 1
fi
echo "open; encrypted at rest"
