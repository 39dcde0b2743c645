// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.api.process.PagemapScan;
import io.mm4j.replay.vma.Answer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * {@code ioctl(3, PAGEMAP_SCAN, {size=96, ...})}: the struct with the names of its fields, which
 * may be followed by {@code => ...}. Fields that are not there are 0, but the size.
 */
final class ScanText {
  private static final List<String> FIELDS =
      List.of(
          "size",
          "flags",
          "start",
          "end",
          "vec",
          "vec_len",
          "max_pages",
          "category_inverted",
          "category_mask",
          "category_anyof_mask",
          "return_mask");

  private ScanText() {}

  /**
   * The arguments in the order of recordings, with no address for the struct; null for any other
   * ioctl, and where the struct is not shown or has a field that cannot be read.
   */
  static @Nullable List<Long> args(StraceLine line) {
    if (!line.name().equals("ioctl")
        || line.args().size() != 3
        || !line.args().get(1).equals("PAGEMAP_SCAN")
        || !line.args().get(2).startsWith("{")) {
      return null;
    }
    String struct = line.args().get(2);
    int end = struct.indexOf('}');
    Map<String, Long> given = new TreeMap<>();
    given.put("size", PagemapScan.SIZE);
    for (String field : struct.substring(1, end < 0 ? struct.length() : end).split(",", -1)) {
      int equals = field.indexOf('=');
      Long value = equals < 0 ? null : Symbols.value(field.substring(equals + 1).strip());
      if (value == null) {
        return null;
      }
      given.put(field.substring(0, equals).strip(), value);
    }
    List<Long> args = new ArrayList<>();
    args.add(0L);
    FIELDS.forEach(field -> args.add(given.getOrDefault(field, 0L)));
    return args;
  }

  /**
   * What it finds hangs on pages, which a log does not tell; what it refuses hangs on the words.
   */
  static Answer judged(Answer answer) {
    boolean ofWords =
        answer instanceof Answer.Failure failure
            && (failure.errno().equals("EINVAL") || failure.errno().equals("EPERM"));
    return ofWords ? answer : Answer.Unknown.IT;
  }
}
