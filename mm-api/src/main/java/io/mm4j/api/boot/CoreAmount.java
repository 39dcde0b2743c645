// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.boot;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.plugin.Sizes;
import org.apiguardian.api.API;

/**
 * How much memory {@code kernelcore=} or {@code movablecore=} asks for: bytes, or a part of all
 * memory. Models {@code cmdline_parse_core()} of mm/mm_init.c (Linux 6.18).
 *
 * @param bytes how much; 0 if it is a part
 * @param percent which part of all memory, in hundredths; 0 if it is an amount
 */
@API(status = API.Status.EXPERIMENTAL)
public record CoreAmount(long bytes, int percent) {
  /** Nothing is asked for. */
  public static final CoreAmount NONE = new CoreAmount(0, 0);

  /** Reads {@code 2G} or {@code 50%}. */
  static CoreAmount parse(String text, String where) {
    if (!text.endsWith("%")) {
      return new CoreAmount(Sizes.parseSize(text, where), 0);
    }
    long percent = Sizes.parseNumber(text.substring(0, text.length() - 1), where);
    if (percent < 0 || percent > 100) {
      throw new InputException("'" + text + "' is no part of memory", where, "0% to 100%");
    }
    return new CoreAmount(0, (int) percent);
  }

  /** Whether nothing is asked for. */
  boolean isNone() {
    return bytes == 0 && percent == 0;
  }

  /** In pages, of a machine with so many. */
  long pages(long totalPages) {
    return percent > 0 ? totalPages * percent / 100 : bytes >>> Pages.PAGE_SHIFT;
  }
}
