// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.report;

import io.mm4j.api.InputException;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.plugin.Nearest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Allocation flags as kernels print them: names joined by {@code |}, a number, or a number with its
 * names, {@code 0x40a20(GFP_ATOMIC|__GFP_COMP)}. Names count before numbers: which bit is which
 * flag has changed four times (include/linux/gfp.h of 2.6.x to 4.3, of 4.4, of 4.12, of 4.19, of
 * 5.1; include/linux/gfp_types.h since 6.0).
 */
public final class GfpText {
  private static final Pattern BOTH =
      Pattern.compile("\\s*(0x[0-9a-fA-F]{1,8}|[0-9]{1,10})\\s*(?:\\(([^()]*)\\))?\\s*");
  private static final int WAIT = Gfp.__GFP_RECLAIM;
  private static final int ATOMIC = Gfp.__GFP_HIGH;

  /** Bits from the lowest that were the same, or absent, in all releases before 5.1. */
  private static final int[] SHARED = {
    Gfp.__GFP_DMA,
    Gfp.__GFP_HIGHMEM,
    Gfp.__GFP_DMA32,
    Gfp.__GFP_MOVABLE,
    Gfp.__GFP_RECLAIMABLE,
    Gfp.__GFP_HIGH,
    Gfp.__GFP_IO,
    Gfp.__GFP_FS,
    0,
    Gfp.__GFP_NOWARN,
    Gfp.__GFP_RETRY_MAYFAIL,
    Gfp.__GFP_NOFAIL,
    Gfp.__GFP_NORETRY,
    Gfp.__GFP_MEMALLOC,
    Gfp.__GFP_COMP,
    Gfp.__GFP_ZERO,
    Gfp.__GFP_NOMEMALLOC,
    Gfp.__GFP_HARDWALL,
    Gfp.__GFP_THISNODE,
    0,
    Gfp.__GFP_ACCOUNT
  };

  private static final int BITS = 26;
  private static final int NOW = Gfp.__GFP_DIRECT_RECLAIM;
  private static final int WAKE = Gfp.__GFP_KSWAPD_RECLAIM;

  /** 2.6.x to 4.3; GFP_KERNEL is 0xd0. */
  private static final int[] TO_4_3 =
      shared(4, WAIT, 19, Gfp.__GFP_RECLAIMABLE, 24, Gfp.__GFP_WRITE);

  /** 4.4 to 4.11; GFP_KERNEL is 0x24000c0. */
  private static final int[] TO_4_11 = shared(22, NOW, 24, Gfp.__GFP_WRITE, 25, WAKE);

  /** 4.12 to 4.18; GFP_KERNEL is 0x14000c0. */
  private static final int[] TO_4_18 = shared(22, NOW, 23, Gfp.__GFP_WRITE, 24, WAKE);

  /** 4.19 to 5.0; GFP_KERNEL is 0x6000c0. */
  private static final int[] TO_5_0 = shared(8, Gfp.__GFP_WRITE, 21, NOW, 22, WAKE);

  /** Names that today's kernel does not have any more, and what they are now. */
  private static final Map<String, Integer> OLD = new HashMap<>();

  static {
    OLD.put("__GFP_WAIT", WAIT);
    OLD.put("__GFP_REPEAT", Gfp.__GFP_RETRY_MAYFAIL);
    OLD.put("__GFP_ATOMIC", ATOMIC);
    OLD.put("GFP_TEMPORARY", Gfp.GFP_KERNEL | Gfp.__GFP_RECLAIMABLE);
    OLD.put("GFP_IOFS", Gfp.__GFP_IO | Gfp.__GFP_FS);
    OLD.put("GFP_THISNODE", Gfp.__GFP_THISNODE | Gfp.__GFP_NOWARN | Gfp.__GFP_NORETRY);
    OLD.put("GFP_HIGHUSER_PAGECACHE", Gfp.GFP_HIGHUSER_MOVABLE);
    for (String nothing :
        List.of(
            "__GFP_COLD",
            "__GFP_NOTRACK",
            "__GFP_KMEMCG",
            "__GFP_OTHER_NODE",
            "__GFP_NO_KSWAPD",
            "__GFP_NOACCOUNT",
            "__GFP_ZEROTAGS",
            "__GFP_SKIP_ZERO",
            "__GFP_SKIP_KASAN",
            "__GFP_SKIP_KASAN_POISON",
            "__GFP_SKIP_KASAN_UNPOISON",
            "__GFP_NOLOCKDEP",
            "__GFP_NO_OBJ_EXT")) {
      OLD.put(nothing, 0);
    }
    // As ftrace printed them before 4.6.
    OLD.put("GFP_MOVABLE", Gfp.__GFP_MOVABLE);
    OLD.put("GFP_NO_KSWAPD", 0);
    OLD.put("GFP_COLD", 0);
    for (String name :
        List.of(
            "HIGHMEM",
            "WAIT",
            "HIGH",
            "IO",
            "FS",
            "NOWARN",
            "REPEAT",
            "NOFAIL",
            "NORETRY",
            "COMP",
            "ZERO",
            "NOMEMALLOC",
            "MEMALLOC",
            "HARDWALL",
            "RECLAIMABLE",
            "NOTRACK",
            "OTHER_NODE")) {
      Integer bits = OLD.get("__GFP_" + name);
      OLD.putIfAbsent("GFP_" + name, bits == null ? Gfp.parse("__GFP_" + name, name) : bits);
    }
  }

  private GfpText() {}

  /**
   * Reads flags.
   *
   * @param version the kernel that printed them, which says what the bits of a bare number are;
   *     null for today's
   * @param where for messages
   * @throws InputException if it is neither
   */
  public static int parse(String text, @Nullable KernelVersion version, String where) {
    String plain = text.strip().replaceFirst("^(?:mode:|gfp_mask=|gfp_flags=)", "");
    Matcher both = BOTH.matcher(plain);
    if (!both.matches()) {
      return names(plain, where);
    }
    String names = both.group(2);
    if (names != null && !names.isBlank()) {
      return names(names, where);
    }
    long number = Long.decode(both.group(1).replaceFirst("^0+(?=[0-9])", ""));
    if (number >>> 32 != 0) {
      throw new InputException(
          "'" + text + "' has more bits than allocation flags", where, "0 to 0xffffffff");
    }
    return bits((int) number, version);
  }

  private static int bits(int number, @Nullable KernelVersion version) {
    if (version == null || version.atLeast(5, 1)) {
      // 0x200 was __GFP_ATOMIC, which always came with __GFP_HIGH.
      return version != null && !version.atLeast(6, 3) ? number & ~0x200 : number;
    }
    if (version.atLeast(4, 19)) {
      return mapped(number, TO_5_0);
    }
    if (version.atLeast(4, 12)) {
      return mapped(number, TO_4_18);
    }
    if (version.atLeast(4, 4)) {
      return mapped(number, TO_4_11);
    }
    // There was no flag for kswapd: it was woken, unless __GFP_NO_KSWAPD forbade it.
    int wakes = (number & 0x40_0000) == 0 ? Gfp.__GFP_KSWAPD_RECLAIM : 0;
    return (mapped(number, TO_4_3) & ~Gfp.__GFP_KSWAPD_RECLAIM) | wakes;
  }

  /** The shared bits, and pairs of a bit's number and its flag in one release. */
  private static int[] shared(int... others) {
    int[] table = Arrays.copyOf(SHARED, BITS);
    for (int i = 0; i < others.length; i += 2) {
      table[others[i]] = others[i + 1];
    }
    return table;
  }

  private static int mapped(int number, int... table) {
    int gfp = 0;
    for (int bit = 0; bit < table.length; bit++) {
      gfp |= (number >>> bit & 1) != 0 ? table[bit] : 0;
    }
    return gfp;
  }

  private static int names(String text, String where) {
    int gfp = 0;
    boolean noKswapd = false;
    for (String part : text.split("\\|", -1)) {
      String name = part.strip().toUpperCase(Locale.ROOT);
      noKswapd |= name.endsWith("GFP_NO_KSWAPD");
      Integer old = OLD.get(name);
      if (old != null) {
        gfp |= old;
      } else if (name.matches("0X[0-9A-F]{1,8}|[0-9]{1,10}")) {
        gfp |= parse(part.strip(), null, where);
      } else {
        try {
          gfp |= Gfp.parse(name, where);
        } catch (InputException e) {
          List<String> known = new ArrayList<>(OLD.keySet());
          known.addAll(List.of("GFP_KERNEL", "GFP_ATOMIC", "GFP_NOWAIT", "GFP_HIGHUSER_MOVABLE"));
          throw new InputException(e.what() + Nearest.hint(name, known), where, e.allowed());
        }
      }
    }
    return noKswapd ? gfp & ~Gfp.__GFP_KSWAPD_RECLAIM : gfp;
  }
}
