systemctl is-active --quiet sssd || { echo "sssd does not run: only the node's own accounts are known"; exit 1; }
if answer=$({% include "ask" %} 2>&1); then
    echo "the directory answers"
else
    printf 'the directory does not answer: %s\n' "$(printf '%s\n' "$answer" | tail -n 1 | cut -c 1-120)"
    exit 2
fi
