# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for conntab: the program itself knows what can stand where.

_conntab()
{
	local line=${COMP_LINE:0:COMP_POINT} word=${COMP_WORDS[COMP_CWORD]} kept='' i

	mapfile -t COMPREPLY < <("$1" --complete "$line" "${#line}" 2>/dev/null)
	# Readline replaces only what stands behind the last of its word breaks (":", "=");
	# the program's candidates are whole words, so what stands before is taken off.
	line=${line##*[[:space:]]}
	[[ $COMP_WORDBREAKS == *:* && $line == *:* ]] && kept=${line%"${line##*:}"}
	[[ $COMP_WORDBREAKS == *=* && $line == --*=* ]] && kept=''
	for i in "${!COMPREPLY[@]}"; do
		COMPREPLY[i]=${COMPREPLY[i]#"$kept"}
	done
	# A list goes on behind its comma, and a format's extras do too.
	[[ $word == *,* ]] && compopt -o nospace
	return 0
}
complete -F _conntab conntab
