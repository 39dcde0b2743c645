// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.api.process.CallArguments;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Calls as {@code perf trace} prints them, in strace's words: arguments have names and their flags
 * no prefix, and what is 0 is left out: {@code mmap(len: 8192, prot: READ|WRITE, flags:
 * PRIVATE|ANONYMOUS) = 0x7ffff7ff5000}.
 */
final class PerfText {
  private static final Map<String, String> PREFIXES =
      Map.of(
          "mlock2.flags", "MLOCK_",
          "mlockall.flags", "MCL_",
          "mmap.prot", "PROT_",
          "mmap.flags", "MAP_",
          "mprotect.prot", "PROT_",
          "mremap.flags", "MREMAP_",
          "madvise.behavior", "MADV_",
          "msync.flags", "MS_");

  private PerfText() {}

  /** The call in strace's words; a call that is not about memory as it is. */
  static String call(String text, String where) {
    int open = text.indexOf('(');
    int close = text.lastIndexOf(')', text.lastIndexOf('=') < 0 ? 0 : text.lastIndexOf('='));
    String name = text.substring(0, open);
    List<String> form = CallArguments.of(name);
    if (form == null || close < open) {
      return text;
    }
    Map<String, String> given = new HashMap<>();
    for (String part : text.substring(open + 1, close).split(",", -1)) {
      int colon = part.indexOf(':');
      if (colon > 0) {
        given.put(part.substring(0, colon).strip(), part.substring(colon + 1).strip());
      } else if (!part.isBlank()) {
        throw StraceLine.wrong("the argument '" + part.strip() + "' has no name", where, open);
      }
    }
    StringBuilder out = new StringBuilder(name).append('(');
    String gap = "";
    for (String key : form) {
      String value = given.getOrDefault(key, key.equals("fd") ? "-1" : "0");
      String prefix = PREFIXES.get(name + "." + key);
      out.append(gap).append(prefix == null ? value : prefixed(value, prefix));
      gap = ", ";
    }
    return out.append(text.substring(close)).toString();
  }

  private static String prefixed(String value, String prefix) {
    StringBuilder out = new StringBuilder();
    for (String word : value.split("\\|", -1)) {
      out.append(out.isEmpty() ? "" : "|");
      out.append(word.matches("[A-Z].*") && !word.startsWith(prefix) ? prefix + word : word);
    }
    return out.toString();
  }
}
