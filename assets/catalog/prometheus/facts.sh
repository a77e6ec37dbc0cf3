up=$({% include "page" %}/api/v1/query?query=up 2> /dev/null) || exit 0
echo "targets $(printf %s "$up" | grep -o '"value":\[' | wc -l)"
echo "targets-up $(printf %s "$up" | grep -o '"value":\[[0-9.]*,"1"\]' | wc -l)"
