// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.api.process.Errno;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Lines of other tracers in strace's words.
 *
 * <pre>
 * SYS_mmap(0, 8192, 3, 34, 0xffffffff) = 0x7ffff7fb8000           ltrace -S
 * mprotect@SYS(0x7ffff7fb8000, 4096, 0) = -22                     ltrace -S, since 0.7
 * app X mmap(0x0, 0x2000, PROT_READ, MAP_PRIVATE, 3, 0x0) = 0x7f32170e2000 (38us)   u-root, gVisor
 * mmap(NULL,8192,PROT_READ,MAP_PRIVATE,3,0) = -1 errno=12 (Cannot allocate memory)  qemu -strace
 * </pre>
 */
final class OtherTracers {
  private static final String NAME = "(?:SYS_([a-z_][a-z0-9_]{0,63})|([a-z_][a-z0-9_]{0,63})@SYS)";
  private static final Pattern LTRACE = Pattern.compile(NAME + "(\\(.*)");
  private static final Pattern LTRACE_RESUMED =
      Pattern.compile("<\\.\\.\\. " + NAME + " (resumed>.*)");
  private static final Pattern LTRACE_LINE =
      Pattern.compile("[\\[\\]pid0-9 .:>]{0,64}(?:" + NAME + "\\(|<\\.\\.\\. " + NAME + " )");
  private static final Pattern NO_RETURN = Pattern.compile(".*<no return \\.\\.\\.>");
  private static final Pattern RESULT = Pattern.compile("(.*\\)\\s*=\\s*)(-?[0-9a-fx]{1,20})\\s*");
  private static final Pattern NIL = Pattern.compile("\\bnil\\b");

  /** E is a call that begins, X one that is back, with all arguments once more. */
  private static final Pattern ENTERED =
      Pattern.compile("(?:.{0,80}\\] +)?(?:\\S{1,32} +)?([EX]) ([a-z_][a-z0-9_]{0,63}\\(.*)");

  private static final Pattern STRACE = Pattern.compile("[a-z_][a-z0-9_]{0,63}\\(");
  private static final Pattern ERRNO = Pattern.compile("(.*\\)\\s*=\\s*-1) errno=(\\d{1,4})\\b.*");

  private OtherTracers() {}

  /** Whether ltrace printed this line of a system call: the others are of libraries then. */
  static boolean isLtrace(String line) {
    return LTRACE_LINE.matcher(line).lookingAt();
  }

  /** The line as strace prints it; empty if it tells nothing, null if it is none of these. */
  static @Nullable String line(String body) {
    Matcher matcher = LTRACE.matcher(body);
    if (matcher.matches()) {
      return ltrace(name(matcher), matcher.group(3));
    }
    matcher = LTRACE_RESUMED.matcher(body);
    if (matcher.matches()) {
      return "<... " + name(matcher) + " " + result(matcher.group(3));
    }
    if (STRACE.matcher(body).lookingAt()) {
      matcher = ERRNO.matcher(body.contains(" errno=") ? body : "");
      return matcher.matches()
          ? matcher.group(1) + " " + Errno.nameOf(Integer.parseInt(matcher.group(2)))
          : null;
    }
    matcher = ENTERED.matcher(body);
    return matcher.matches()
        ? matcher.group(1).equals("E") ? "" : matcher.group(2).replace(" (bad FD)", "")
        : null;
  }

  private static String name(Matcher matcher) {
    return matcher.group(1) == null ? matcher.group(2) : matcher.group(1);
  }

  private static String ltrace(String name, String rest) {
    if (NO_RETURN.matcher(rest).matches()) {
      return "";
    }
    String call = name + NIL.matcher(result(rest)).replaceAll("NULL");
    // Old ones show five arguments of any call.
    int close = call.indexOf(')');
    boolean five = close > 0 && call.substring(0, close).chars().filter(c -> c == ',').count() == 4;
    return name.equals("mmap") && five
        ? call.substring(0, close) + ", 0" + call.substring(close)
        : call;
  }

  /** The kernel's own result: an error is its negative number. */
  private static String result(String call) {
    Matcher matcher = RESULT.matcher(call);
    Long value = matcher.matches() ? Symbols.number(matcher.group(2)) : null;
    return value != null && Errno.isError(value)
        ? matcher.group(1) + "-1 " + Errno.nameOf((int) -value)
        : call;
  }
}
