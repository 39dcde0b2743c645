// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.api.process.ResourceLimit;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Resource limits as strace prints them: {@code {rlim_cur=8192*1024, rlim_max=RLIM64_INFINITY}}.
 */
final class LimitText {
  private static final Pattern CURRENT = Pattern.compile("\\{rlim_cur=([^,}]+)");

  private LimitText() {}

  /** A call about limits: which one, what it sets and what it shows of before; -2 for neither. */
  record Limits(ResourceLimit resource, long pid, long set, long was) {
    /** No value. */
    static final long NONE = -2;
  }

  /** What the call says about limits that memory calls look at, or null. */
  static @Nullable Limits of(StraceLine line) {
    List<String> args = line.args();
    boolean two = args.size() >= 2;
    return switch (line.name()) {
      case "prlimit64", "prlimit" -> args.size() < 4 ? null : ofProcess(args);
      case "setrlimit" -> two ? limits(args.get(0), 0, args.get(1), "") : null;
      case "getrlimit", "ugetrlimit" -> two ? limits(args.get(0), 0, "", args.get(1)) : null;
      default -> null;
    };
  }

  private static @Nullable Limits ofProcess(List<String> args) {
    Long pid = Symbols.number(StraceLine.firstWord(args.get(0)));
    return limits(args.get(1), pid == null ? 0 : pid, args.get(2), args.get(3));
  }

  private static @Nullable Limits limits(String name, long pid, String set, String was) {
    for (ResourceLimit resource : ResourceLimit.values()) {
      if (name.equals("RLIMIT_" + resource)) {
        return new Limits(resource, pid, bytes(set), bytes(was));
      }
    }
    return null;
  }

  private static long bytes(String text) {
    Matcher matcher = CURRENT.matcher(text);
    if (!matcher.find()) {
      return Limits.NONE;
    }
    String value = matcher.group(1).strip();
    if (value.startsWith("RLIM")) {
      return ResourceLimit.INFINITY;
    }
    long product = 1;
    for (String factor : value.split("\\*", -1)) {
      Long number = Symbols.number(factor.strip());
      if (number == null) {
        return Limits.NONE;
      }
      product *= number;
    }
    return product;
  }
}
