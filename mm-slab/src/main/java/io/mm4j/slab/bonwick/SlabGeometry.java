// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.bonwick;

import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.slab.base.BaseCache;
import io.mm4j.slab.bonwick.ObjectChecks.Marks;

/**
 * What a slab looks like: {@code kmem_cache_create()}, {@code cache_estimate()} and {@code
 * calculate_slab_order()} of mm/slab.c (Linux 2.4.20, 2.6.32).
 *
 * <pre>
 *   on-slab:   | colour | descriptor, bufctl[objects] | object | object | ... | rest |
 *   off-slab:  | colour | object | object | ... | rest |     descriptor: an object of kmalloc
 * </pre>
 *
 * <p>Objects of an eighth of a page and more have their descriptor elsewhere, unless what is left
 * of the slab has room for it.
 *
 * @param align of an object
 * @param size from object to object
 * @param order of a slab
 * @param objects of a slab
 * @param offSlab whether the descriptor lies in an object of kmalloc
 * @param managementBytes descriptor and bufctl
 * @param colourOff from one colour to the next
 * @param colours how many there are; 0 is one, too
 * @param marks what debug flags add to an object
 */
record SlabGeometry(
    int align,
    int size,
    int order,
    int objects,
    boolean offSlab,
    int managementBytes,
    int colourOff,
    int colours,
    Marks marks) {
  /** {@code sizeof(kmem_bufctl_t)}. */
  static final int BUFCTL = Integer.BYTES;

  private static final int OFF_SLAB_BYTES = (int) Pages.PAGE_SIZE >>> 3;

  static SlabGeometry of(KmemCacheArgs args, Form form) {
    int align = align(args, form);
    Marks marks = Marks.of(args, align, form);
    int size = BaseCache.up(marks.bytes(), align);
    boolean off = marks.bytes() >= OFF_SLAB_BYTES;
    int unit = form.old() ? Math.max(form.line(), align) : align;
    int order = -1;
    int objects = 0;
    int left = 0;
    int most = off ? (size - form.descriptorBytes()) / BUFCTL : Integer.MAX_VALUE;
    boolean account = (args.flags() & SlabFlags.SLAB_RECLAIM_ACCOUNT) != 0 && !form.old();
    for (int o = 0; o <= Pages.MAX_PAGE_ORDER; o++) {
      int bytes = (int) Pages.PAGE_SIZE << o;
      int number = off ? bytes / size : number(bytes, size, form.descriptorBytes(), unit);
      if (number == 0) {
        continue;
      }
      if (number > most) {
        break;
      }
      order = o;
      objects = number;
      int used = off ? 0 : BaseCache.up(form.descriptorBytes() + number * BUFCTL, unit);
      left = bytes - number * size - used;
      if (account || o >= form.breakOrder() || left * 8 <= bytes) {
        break;
      }
    }
    if (order < 0) {
      throw new MisuseException("no slab is so large: size=" + size + " " + args);
    }
    int management = BaseCache.up(form.descriptorBytes() + objects * BUFCTL, unit);
    if (off && left >= management) {
      off = false;
      left -= management;
    } else if (off) {
      management = form.descriptorBytes() + objects * BUFCTL;
    }
    int colourOff = Math.max(form.line(), align);
    return new SlabGeometry(
        align, size, order, objects, off, management, colourOff, left / colourOff, marks);
  }

  private static int align(KmemCacheArgs args, Form form) {
    // 2.4 leaves a cache line aligned to half of it only below that half, 2.6 from it on.
    int words = BaseCache.up(args.objectBytes(), form.pointer());
    int bytes = form.old() ? words + 1 : words;
    return BaseCache.alignment(args.flags(), args.align(), bytes, form.line(), Long.BYTES);
  }

  /** Objects of an on-slab slab. */
  private static int number(int bytes, int size, int descriptor, int unit) {
    int number = Math.max(0, (bytes - descriptor) / (size + BUFCTL));
    while (number > 0 && BaseCache.up(descriptor + number * BUFCTL, unit) + number * size > bytes) {
      number--;
    }
    return number;
  }
}
