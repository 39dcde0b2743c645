// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.InputException;
import io.mm4j.replay.paste.PastedCall;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Splits what was typed into calls. One call is given as words, several as one word each, or in one
 * word with {@code ;} between them. Calls may also stand as in C or as strace prints them: {@code
 * [pid 12] mmap(NULL, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7ff5000}. Results
 * may have names as in C ({@link CNames}).
 */
public final class CallScript {
  private static final int MOST_CALLS = 10_000;
  private static final Pattern LIMIT = Pattern.compile("\\{\\s*rlim_cur=([^,}]+).*");

  /** Flags as kernels print them, with their names: {@code mode:0x40a20(GFP_ATOMIC|__GFP_COMP)}. */
  private static final Pattern MASK =
      Pattern.compile(
          "\\b(?:mode:|gfp_mask=|gfp_flags=)?0x[0-9a-fA-F]+\\(([A-Z0-9_|]*GFP[A-Z0-9_|]*)\\)");

  private CallScript() {}

  /** A prompt, or the mark of a point in a list. */
  private static final Pattern MARK =
      Pattern.compile("^\\s*(?:mm>|[$>*-]|\\d{1,3}[.)])\\s+(?=[a-z_])");

  /**
   * One call as typed.
   *
   * @param words its name and its arguments; not empty
   * @param result what the pasted line says that it gave, or null
   * @param pasted whether it stood in a log, so that a name that is not known may be passed over
   */
  public record Typed(List<String> words, @Nullable String result, boolean pasted) {
    /** Copies the list. */
    public Typed {
      words = List.copyOf(words);
    }

    /** Its name. */
    public String name() {
      return words.getFirst();
    }
  }

  /** The calls; none is empty. */
  public static List<Typed> split(List<String> typed) {
    List<String> words =
        typed.stream().map(word -> MASK.matcher(word.strip()).replaceAll("$1")).toList();
    boolean quoted = words.stream().anyMatch(w -> w.matches("(?s).*[\\s(].*"));
    List<Typed> calls = new ArrayList<>();
    CNames names = new CNames();
    for (String call : quoted ? words : List.of(String.join(" ", words))) {
      lines(call, names, calls);
    }
    if (calls.size() > MOST_CALLS) {
      throw new InputException(
          calls.size() + " calls", "mm explain", "at most " + MOST_CALLS + " calls at once");
    }
    return calls;
  }

  /** The calls of a text of several lines; {@code #} begins a comment. */
  public static List<Typed> lines(String text) {
    List<Typed> calls = new ArrayList<>();
    CNames names = new CNames();
    text.lines()
        .filter(line -> !line.strip().startsWith("#"))
        .map(line -> MARK.matcher(line).replaceFirst(""))
        .forEach(line -> lines(MASK.matcher(line).replaceAll("$1"), names, calls));
    if (calls.size() > MOST_CALLS) {
      throw new InputException(
          calls.size() + " calls", "mm explain", "at most " + MOST_CALLS + " calls at once");
    }
    return calls;
  }

  private static void lines(String text, CNames names, List<Typed> calls) {
    for (String one : text.split("[;\n]", -1)) {
      Typed call = call(names.plain(one, calls.size() + 1));
      if (call != null) {
        // A call that is left out would give the others other numbers.
        calls.add(names.any() ? new Typed(call.words(), call.result(), false) : call);
      }
    }
  }

  private static @Nullable Typed call(String one) {
    if (one.contains("(")) {
      PastedCall pasted = PastedCall.parse(one);
      if (pasted != null) {
        return pasted(pasted);
      }
    }
    String text = one.replaceFirst("\\)\\s*=\\s.*$", ")").replaceAll("<[^>]*>", "");
    text = text.replaceAll("/\\*.*?\\*/", "").replaceAll("\\s*\\|\\s*", "|");
    List<String> words =
        Arrays.stream(text.split("[\\s,()]+", -1)).filter(w -> !w.isEmpty()).toList();
    return words.isEmpty() ? null : new Typed(words, null, false);
  }

  private static Typed pasted(PastedCall call) {
    List<String> words = new ArrayList<>();
    words.add(call.name());
    for (String arg : call.args()) {
      String plain = arg.replaceAll("/\\*.*?\\*/", "").strip();
      plain = plain.replaceAll("\\s*\\|\\s*", "|");
      // A path of strace -y goes with its descriptor.
      words.add(plain.isEmpty() ? arg : plain);
    }
    switch (call.name()) {
      case "mincore" -> {
        if (words.size() == 4 && words.get(3).startsWith("[")) {
          words.set(3, "[stack]");
        }
      }
      case "prlimit64", "prlimit", "setrlimit" -> {
        boolean two = call.name().equals("setrlimit");
        int at = two ? 1 : 2;
        Matcher limit = LIMIT.matcher(words.size() > at + 1 ? words.get(at + 1) : "");
        if (limit.matches()) {
          String value = limit.group(1).strip();
          words =
              List.of(
                  "setrlimit",
                  words.get(at),
                  value.startsWith("RLIM") ? "unlimited" : product(value));
        }
      }
      default -> {
        // as it stands
      }
    }
    return new Typed(words, call.result(), true);
  }

  private static String product(String text) {
    long product = 1;
    for (String factor : text.split("\\*", -1)) {
      if (!factor.strip().matches("[0-9]{1,15}")) {
        return text;
      }
      product *= Long.parseLong(factor.strip());
    }
    return Long.toString(product);
  }
}
