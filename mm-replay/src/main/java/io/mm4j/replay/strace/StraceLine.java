// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.api.InputException;
import io.mm4j.replay.text.WebText;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One line of strace text, taken apart: who, and a call with its arguments and result, or a part of
 * a call, or a note. What may stand in front of it: marks of quotation, a pid (with a command), a
 * time, an instruction pointer ({@code -i}), a call's number ({@code -n}), in any order.
 *
 * @param pid the process, 0 if the line names none
 * @param form what the line is
 * @param name the call's name; empty for notes
 * @param args the arguments as text
 * @param result the text behind {@code =}
 * @param body the line without what stands in front; of a resumed call what follows {@code
 *     resumed>}
 */
record StraceLine(long pid, Form form, String name, List<String> args, String result, String body) {

  /** What a line can be. */
  enum Form {
    /** A whole call. */
    CALL,
    /** The first part of a call that another line completes. */
    UNFINISHED,
    /** The rest of such a call. */
    RESUMED,
    /** {@code --- SIGNAL ... ---}. */
    SIGNAL,
    /** {@code +++ exited with 0 +++}, {@code +++ killed by ... +++}. */
    ENDED,
    /** What strace says of itself, and stack traces of {@code -k}. */
    NOTE,
    /** A call whose line ends before the call does. */
    CUT,
    /** A mark that lines were left out: {@code ...}. */
    GAP,
    /** Anything else: a shell's prompt, a program's output. */
    OTHER
  }

  private static final Pattern PID =
      Pattern.compile("(?:\\[pid +(\\d{1,9})(?:<[^>]{0,64}>)?\\] *|(\\d{1,9})(?:<[^>]{0,64}>)? +)");
  private static final Pattern TIME =
      Pattern.compile("(?:\\d{1,2}:\\d\\d:\\d\\d(?:\\.\\d{1,9})?|\\d{1,12}\\.\\d{1,9}) +");
  private static final Pattern MARK =
      Pattern.compile(
          "(?:[>|] ?|[+-](?=[a-z_]+\\()|\\d{1,7}[:\\t] *(?=[a-z_+<\\[]|\\d{1,7}"
              + " )|\\[(?:[0-9a-f]{8}|[0-9a-f]{16}|\\?{8,16})\\] +|\\[ *\\d{1,4}\\] +"
              // numbered by somebody; a security context; the time since the call before
              + "|\\d{1,5}(?: -|[.)]) +(?=[a-z_+<-])|\\[(?:\\w+:\\w+:)?\\w+_t(?::[^\\]]*)?\\] +"
              + "|\\(\\+ +\\d{1,9}\\.\\d{1,9}\\) +"
              // what a syslog, a container and its log put in front
              + "|[A-Z][a-z]{2} {1,2}\\d{1,2} \\d\\d:\\d\\d:\\d\\d \\S{1,64}"
              + " [\\w./-]{1,64}(?:\\[\\d{1,9}\\])?: |[\\w.-]{1,64} +\\| +|\\d{4}-\\d\\d-\\d\\d[T"
              + " ]\\d\\d:\\d\\d:\\d\\d(?:[.,]\\d{1,9})?(?:Z|[+-]\\d\\d:?\\d\\d)?"
              + " +(?:std(?:out|err) [FP] +)?)");

  /** What web pages and mails make of characters: {@code 0\u00d78062000}, curled quotes. */
  private static final Pattern CURLED = Pattern.compile("[\u201c\u201d]");

  private static final Pattern TIMES_SIGN = Pattern.compile("\\b0\u00d7(?=[0-9a-f])");

  /** SELinux contexts behind paths and descriptors. */
  private static final Pattern CONTEXT =
      Pattern.compile(
          "(?<=[\"> 0-9]) ?\\[(?:\\w+:\\w+:)?\\w+_t(?::[\\w:.,-]*)?(?:!![^\\]]*)?\\](?=[,)\\s]|$)");

  private static final Pattern NAME = Pattern.compile("([a-z_][a-z0-9_]{0,63})\\(");
  private static final Pattern RESUMED =
      Pattern.compile("<\\.\\.\\. ([a-z_][a-z0-9_]{0,63}) resumed>");
  private static final Pattern GAP =
      Pattern.compile(
          "(?:\\[ ?)?(?:\\.{2,}|\u2026|<?snip>?|-+ ?8?< ?-+|\\(\\.\\.\\.\\)|<\\.\\.\\.>)(?:"
              + " ?\\])?");
  private static final Pattern STACK =
      Pattern.compile(
          "(?:/|\\[vdso\\]|\\[vsyscall\\]|\\[unknown\\]|[\\w./+-]+\\().*\\[0x[0-9a-f]+\\]");
  private static final Pattern INSIDE =
      Pattern.compile(
          "\\b(?:(?:old_)?mmap2?|munmap|mprotect|mremap|brk|madvise|mlock2?|munlock|msync)\\(.*");
  private static final Pattern PERF =
      Pattern.compile("\\( *[0-9.]+ ms\\): (?:.{0,64}?/)?(\\d{1,9}) ([a-z_][a-z0-9_]{0,63}\\(.*)");
  static final String UNFINISHED_MARK = "<unfinished ...>";
  private static final String KILLED_IN_IT = "<ptrace(SYSCALL):No such process>";
  private static final int MAX_ARGS = 64;

  /** What stands in front of a call, and the rest. */
  private record Front(long pid, int end) {}

  /**
   * Parses a line.
   *
   * @param where names file and line for errors
   */
  static StraceLine parse(String raw, String where) {
    String line = plain(raw);
    Front front = front(line);
    int at = front.end;
    long pid = front.pid;
    String body = line.substring(at);
    String other = OtherTracers.line(body);
    body = other == null ? body : other;
    if (body.startsWith("--- ") && body.endsWith(" ---")) {
      return note(pid, Form.SIGNAL, body);
    }
    if (body.startsWith("+++ ") && body.endsWith(" +++")) {
      return note(pid, Form.ENDED, body);
    }
    if (body.isEmpty() || body.startsWith("strace: ") || STACK.matcher(body).matches()) {
      return note(pid, Form.NOTE, body);
    }
    if (body.startsWith("SYSCALL(args)")) {
      throw wrong("dtruss traces macOS, not Linux", where, at);
    }
    if (GAP.matcher(body).matches()) {
      return note(pid, Form.GAP, body);
    }
    Matcher matcher = RESUMED.matcher(body);
    if (matcher.lookingAt()) {
      String rest = body.substring(matcher.end());
      return new StraceLine(pid, Form.RESUMED, matcher.group(1), List.of(), "", rest);
    }
    matcher = PERF.matcher(body);
    if (matcher.find()) {
      String call = PerfText.call(matcher.group(2), where);
      return parseCall(Long.parseLong(matcher.group(1)), call, where, at);
    }
    if (NAME.matcher(body).lookingAt()) {
      if (body.endsWith(UNFINISHED_MARK)) {
        String start = body.substring(0, body.length() - UNFINISHED_MARK.length()).stripTrailing();
        return new StraceLine(pid, Form.UNFINISHED, name(start, where, at), List.of(), "", start);
      }
      return parseCall(pid, body, where, at);
    }
    return inside(pid, body, where, at);
  }

  /** The line as strace has printed it, as far as can be. */
  private static String plain(String raw) {
    String line = WebText.plain(raw).stripTrailing();
    if (line.endsWith(KILLED_IN_IT)) {
      line = line.substring(0, line.length() - KILLED_IN_IT.length()) + UNFINISHED_MARK;
    }
    if (WebText.isQuotedPrintable(line) || line.endsWith("=")) {
      line = WebText.unquoted(line.endsWith("=") ? line.substring(0, line.length() - 1) : line);
    }
    if (line.endsWith("\\")) {
      line = line.substring(0, line.length() - 1).stripTrailing() + " "; // goes on in the next
    }
    if (line.indexOf('\u00d7') >= 0) {
      line = TIMES_SIGN.matcher(line).replaceAll("0x");
    }
    line = CURLED.matcher(line).replaceAll("\"");
    return line.contains("_t") ? CONTEXT.matcher(line).replaceAll("") : line;
  }

  private static StraceLine note(long pid, Form form, String body) {
    return new StraceLine(pid, form, "", List.of(), "", body);
  }

  private static Front front(String line) {
    int at = 0;
    long pid = 0;
    boolean more = true;
    while (more) {
      more = false;
      while (at < line.length() && (line.charAt(at) == ' ' || line.charAt(at) == '\t')) {
        at++;
      }
      Matcher matcher = TIME.matcher(line).region(at, line.length());
      if (matcher.lookingAt()) {
        at = matcher.end();
        more = true;
        continue;
      }
      matcher = MARK.matcher(line).region(at, line.length());
      if (matcher.lookingAt()) {
        at = matcher.end();
        more = true;
        continue;
      }
      matcher = PID.matcher(line).region(at, line.length());
      if (pid == 0 && matcher.lookingAt()) {
        String digits = matcher.group(1) == null ? matcher.group(2) : matcher.group(1);
        pid = Long.parseLong(digits);
        at = matcher.end();
        more = true;
      }
    }
    return new Front(pid, at);
  }

  /** A memory call behind something that a program wrote without a line end; else no call. */
  private static StraceLine inside(long pid, String body, String where, int at) {
    Matcher matcher = INSIDE.matcher(body);
    if (matcher.find()) {
      StraceLine call = parseCall(pid, matcher.group(), where, at + matcher.start());
      if (call.form == Form.CALL) {
        return call;
      }
    }
    return note(pid, Form.OTHER, body);
  }

  /** A whole call, or one that is cut. */
  static StraceLine parseCall(long pid, String body, String where, int column) {
    String name = name(body, where, column);
    List<String> args = new ArrayList<>();
    int end = arguments(body, name.length() + 1, args, where, column);
    int equals = end < 0 ? 0 : end;
    while (end >= 0
        && equals < body.length()
        && (body.charAt(equals) == ' ' || body.charAt(equals) == '\t')) {
      equals++;
    }
    if (end < 0 || !body.startsWith("=", equals) || body.substring(equals + 1).isBlank()) {
      return new StraceLine(pid, Form.CUT, name, List.of(), "", body);
    }
    return new StraceLine(pid, Form.CALL, name, args, body.substring(equals + 1).strip(), body);
  }

  /** A whole call; anything else is an error. */
  static StraceLine call(long pid, String body, String where) {
    StraceLine line = parseCall(pid, body, where, 0);
    if (line.form == Form.CUT) {
      throw cut(line, where);
    }
    return line;
  }

  /** The error of a memory call that is not complete. */
  static InputException cut(StraceLine line, String where) {
    return wrong(
        "the call " + line.name() + " is cut: it has no ') = RESULT'", where, line.body().length());
  }

  private static String name(String body, String where, int column) {
    Matcher matcher = NAME.matcher(body);
    if (!matcher.lookingAt()) {
      throw wrong("this is no call", where, column);
    }
    return matcher.group(1);
  }

  /**
   * Splits the arguments at commas outside of quotes, brackets and {@code 3</path>}; gives the
   * place behind the closing parenthesis, -1 if there is none.
   */
  private static int arguments(String body, int from, List<String> args, String where, int column) {
    int depth = 0;
    char quote = 0;
    int start = from;
    for (int at = from; at < body.length(); at++) {
      char c = body.charAt(at);
      if (quote != 0) {
        if (c == '\\' && quote == '"') {
          at++;
        } else if (c == quote) {
          quote = 0;
        }
        continue;
      }
      switch (c) {
        case '"' -> quote = '"';
        case '<' -> {
          if (Character.isLetterOrDigit(body.charAt(at - 1)) && !body.startsWith("<<", at)) {
            quote = '>';
          } else if (body.startsWith("<<", at)) {
            at++;
          }
        }
        case '(', '[', '{' -> depth++;
        case ')', ']', '}' -> {
          if (c == ')' && depth == 0) {
            String last = body.substring(start, at).strip();
            if (!last.isEmpty() || !args.isEmpty()) {
              args.add(last);
            }
            return at + 1;
          }
          if (--depth < 0) {
            throw wrong("a bracket closes that was not opened", where, column + at);
          }
        }
        case ',' -> {
          if (depth == 0) {
            if (args.size() >= MAX_ARGS) {
              throw wrong("more than " + MAX_ARGS + " arguments", where, column + at);
            }
            args.add(body.substring(start, at).strip());
            start = at + 1;
          }
        }
        default -> {}
      }
    }
    return -1;
  }

  /** Whether it shows a call, or a part of one. */
  boolean isOfCall() {
    return form == Form.CALL || form == Form.CUT || form == Form.UNFINISHED || form == Form.RESUMED;
  }

  /** The same line, which tells nothing. */
  StraceLine asNote() {
    return note(pid, Form.NOTE, body);
  }

  /** The same line of that process. */
  StraceLine by(long other) {
    return new StraceLine(other, form, name, args, result, body);
  }

  /** Whether this line stands for itself, so that a cut line before it cannot go on here. */
  boolean standsAlone() {
    return form != Form.OTHER && form != Form.CUT && form != Form.NOTE;
  }

  /** The number that a call gave, null if it gave none or an error. */
  @Nullable Long number() {
    return Symbols.number(firstWord(result));
  }

  /** Whether the call gave 0 or more. */
  boolean succeeded() {
    Long value = number();
    return value != null && value != -1;
  }

  /** The text up to the first blank or angle. */
  static String firstWord(String text) {
    int end = 0;
    while (end < text.length() && text.charAt(end) != ' ' && text.charAt(end) != '<') {
      end++;
    }
    return text.substring(0, end);
  }

  static InputException wrong(String what, String where, int column) {
    return new InputException(
        what,
        where + ", column " + (column + 1),
        "lines as 'strace -f -e trace=memory,execve,openat,close -o FILE' writes them");
  }
}
