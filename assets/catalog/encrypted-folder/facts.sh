folder={{ settings.folder }}
! mountpoint -q "$folder" || df -P "$folder" | awk 'NR == 2 { sub("%", "", $5); print "used-percent", $5 }'
