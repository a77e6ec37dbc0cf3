getent group todo >/dev/null || groupadd --system todo
getent passwd todo >/dev/null || useradd --system --gid todo --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin todo
folder={{ settings.folder }}
# Only the folder itself: what lies in it came from people, or from another node.
mkdir -p -- "$folder"
[ "$(stat -c %U:%G "$folder")" = todo:todo ] || chown todo:todo -- "$folder"
[ "$(stat -c %a "$folder")" = 2775 ] || chmod 2775 -- "$folder"
