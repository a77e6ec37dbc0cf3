said=$(systemd-analyze calendar {{ settings.calendar }} 2>&1) || fail "systemd does not take its calendar: $said"
systemd-analyze verify /etc/systemd/system/sandtable-{{ service.slug }}.timer 2>/dev/null || fail "systemd does not take its timer."
