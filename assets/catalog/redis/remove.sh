# The data stays in /var/lib/redis.
rm -rf /etc/sandtable/{{ service.slug }}
