// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.api.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One line of strace text, taken apart: who, and a call with its arguments and result, or a part of
 * a call, or a note.
 *
 * @param pid the process, 0 if the line names none
 * @param form what the line is
 * @param name the call's name; empty for notes
 * @param args the arguments as text
 * @param result the text behind {@code =}
 * @param body the line without process and time; of a resumed call what follows {@code resumed>}
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
    /** What strace says of itself. */
    NOTE
  }

  private static final Pattern PID = Pattern.compile("(?:\\[pid +(\\d{1,9})\\] +|(\\d{1,9}) +)");
  private static final Pattern TIME = Pattern.compile("[\\d:]{1,20}(?:\\.\\d{1,9})? +");
  private static final Pattern NAME = Pattern.compile("([a-z_][a-z0-9_]{0,63})\\(");
  private static final Pattern RESUMED =
      Pattern.compile("<\\.\\.\\. ([a-z_][a-z0-9_]{0,63}) resumed>");
  private static final String UNFINISHED_MARK = "<unfinished ...>";
  private static final int MAX_ARGS = 64;

  /** Parses a line; {@code where} names file and line for errors. */
  static StraceLine parse(String line, String where) {
    int at = 0;
    long pid = 0;
    Matcher matcher = PID.matcher(line);
    if (matcher.lookingAt()) {
      String digits = matcher.group(1) == null ? matcher.group(2) : matcher.group(1);
      pid = Long.parseLong(digits);
      at = matcher.end();
    }
    matcher = TIME.matcher(line).region(at, line.length());
    if (matcher.lookingAt()) {
      at = matcher.end();
    }
    String body = line.substring(at);
    if (body.startsWith("--- ") && body.endsWith(" ---")) {
      return new StraceLine(pid, Form.SIGNAL, "", List.of(), "", body);
    }
    if (body.startsWith("+++ ") && body.endsWith(" +++")) {
      return new StraceLine(pid, Form.ENDED, "", List.of(), "", body);
    }
    if (body.startsWith("strace: ")) {
      return new StraceLine(pid, Form.NOTE, "", List.of(), "", body);
    }
    matcher = RESUMED.matcher(body);
    if (matcher.lookingAt()) {
      String rest = body.substring(matcher.end());
      return new StraceLine(pid, Form.RESUMED, matcher.group(1), List.of(), "", rest);
    }
    if (body.endsWith(UNFINISHED_MARK)) {
      String start = body.substring(0, body.length() - UNFINISHED_MARK.length()).stripTrailing();
      return new StraceLine(pid, Form.UNFINISHED, name(start, where, at), List.of(), "", start);
    }
    return call(pid, body, where, at);
  }

  /** Parses a whole call; {@code column} is where it begins in its line. */
  static StraceLine call(long pid, String body, String where, int column) {
    String name = name(body, where, column);
    List<String> args = new ArrayList<>();
    int end = arguments(body, name.length() + 1, args, where, column);
    int equals = end;
    while (equals < body.length() && body.charAt(equals) == ' ') {
      equals++;
    }
    if (equals == end || !body.startsWith("= ", equals) || equals + 2 == body.length()) {
      throw wrong("the call has no '= RESULT'", where, column + end);
    }
    return new StraceLine(pid, Form.CALL, name, args, body.substring(equals + 2), body);
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
   * place behind the closing parenthesis.
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
    throw wrong("the arguments do not end", where, column + body.length());
  }

  static InputException wrong(String what, String where, int column) {
    return new InputException(
        what,
        where + ", column " + (column + 1),
        "lines as 'strace -f -y -e trace=memory,execve -o FILE' writes them");
  }
}
