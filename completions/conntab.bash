# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for conntab: the program itself knows what can stand where.

_conntab()
{
	local line=${COMP_LINE:0:COMP_POINT} in_quote='' front='' head='' word quote i

	# A filter in an open quote: the program is asked without it; readline replaces all that stands in it.
	for quote in \' \"; do
		word=${line//[!$quote]/}
		((${#word} % 2)) || continue
		in_quote=1 front=${line##*"$quote"} line="${line%"$quote"*} $front" front=${front%"${front##*[[:space:]]}"}
		break
	done
	word=${line##*[[:space:]]} line=${line%"$word"}
	# What stands before the value in the same word: "--output=", "(state!=".
	[[ $word == --*=* ]] && head=${word%%=*}=
	[[ $word == [!-]*[\(=\<\>!]* || $word == \(* ]] && head=${word%"${word##*[(=<>!]}"} && i=${head%%[=<>!]*} &&
		line+="${i##*\(} ${head:${#i}:1} ${word#"$head"}" || line+=$word
	mapfile -t COMPREPLY < <("$1" --complete "$line" "${#line}" 2>/dev/null)
	# Elsewhere readline replaces only what stands behind the last of its word breaks (":", "=").
	[[ $in_quote ]] && quote='' || quote=${word%"${word##*["$COMP_WORDBREAKS"]}"}
	for i in "${!COMPREPLY[@]}"; do
		COMPREPLY[i]=$head${COMPREPLY[i]} COMPREPLY[i]=$front${COMPREPLY[i]#"$quote"}
		[[ ! $in_quote && ${COMPREPLY[i]} == *[\<\>\ \$\&\;\"\']* ]] && printf -v "COMPREPLY[i]" %q "${COMPREPLY[i]}"
	done
	[[ $in_quote || $word == *,* || ${COMPREPLY[*]} == */ ]] && compopt -o nospace # more may follow
	return 0
}
complete -F _conntab conntab
