// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.plugin.Nearest;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.replay.report.GfpText;
import io.mm4j.replay.report.KernelVersion;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** An operation on pages: its name, and what its arguments are. */
enum PageOp {
  ALLOC_PAGES("alloc_pages", "GFP ORDER", true),
  ALLOC_PAGES_NODE("alloc_pages_node", "NODE GFP ORDER", true),
  ALLOC_PAGE("alloc_page", "GFP", true),
  GET_FREE_PAGES("__get_free_pages", "GFP ORDER", true),
  GET_FREE_PAGE("__get_free_page", "GFP", true),
  GET_ZEROED_PAGE("get_zeroed_page", "GFP", true),
  GET_DMA_PAGES("__get_dma_pages", "GFP ORDER", true),
  FREE_PAGES("free_pages", "$N ORDER", false),
  RAW_FREE_PAGES("__free_pages", "$N ORDER", false),
  FREE_PAGE("free_page", "$N", false),
  RAW_FREE_PAGE("__free_page", "$N", false);

  private final String text;
  private final String form;
  private final boolean allocates;

  PageOp(String text, String form, boolean allocates) {
    this.text = text;
    this.form = form;
    this.allocates = allocates;
  }

  String text() {
    return text;
  }

  /** Whether it asks for pages, rather than gives them back. */
  boolean allocates() {
    return allocates;
  }

  /** Whether what comes back is a kernel address, not a frame. */
  boolean givesAddress() {
    return text.contains("get_");
  }

  /** How it is typed. */
  String usage() {
    return text + " " + form;
  }

  static boolean exists(String name) {
    return Arrays.stream(values()).anyMatch(op -> op.text.equals(name));
  }

  static PageOp of(String name) {
    for (PageOp op : values()) {
      if (op.text.equals(name)) {
        return op;
      }
    }
    List<String> names = Arrays.stream(values()).map(PageOp::text).toList();
    throw new InputException(
        "'" + name + "' is no operation on pages" + Nearest.hint(name, names),
        "mm explain",
        String.join(", ", names));
  }

  /** All forms, for messages. */
  static List<String> forms() {
    return Arrays.stream(values()).map(PageOp::usage).toList();
  }

  private @Nullable String argument(List<String> words, String key) {
    List<String> keys = List.of(form.split(" ", -1));
    int at = keys.indexOf(key);
    return at < 0 ? null : words.get(at + 1);
  }

  /**
   * Checks how many arguments there are.
   *
   * @throws InputException if it is another number
   */
  void check(List<String> words) {
    int wanted = form.split(" ", -1).length;
    if (words.size() - 1 != wanted) {
      throw new InputException(
          text
              + " takes "
              + wanted
              + " argument"
              + (wanted == 1 ? "" : "s")
              + ", not "
              + (words.size() - 1),
          "mm explain",
          usage()
              + (allocates
                  ? ""
                  : " (a shell replaces $1 in double quotes: write r1, or single quotes)"));
    }
  }

  /** The flags as typed, in this kernel's bits. */
  int gfp(List<String> words, @Nullable KernelVersion version) {
    String typed = argument(words, "GFP");
    int gfp = typed == null ? 0 : GfpText.parse(typed, version, "GFP");
    int both = Gfp.__GFP_MOVABLE | Gfp.__GFP_RECLAIMABLE;
    if ((gfp & both) == both) {
      throw new InputException(
          "a request is movable or reclaimable, not both: gfp=" + Gfp.format(gfp),
          "GFP",
          "__GFP_MOVABLE, __GFP_RECLAIMABLE, or neither; Linux warns of a kernel bug there");
    }
    return this == GET_DMA_PAGES
        ? gfp | Gfp.__GFP_DMA
        : this == GET_ZEROED_PAGE ? gfp | Gfp.__GFP_ZERO : gfp;
  }

  /** The order. */
  int order(List<String> words) {
    String typed = argument(words, "ORDER");
    if (typed == null) {
      return 0;
    }
    long order = Sizes.parseNumber(typed, "ORDER");
    if (order > Pages.MAX_PAGE_ORDER) {
      throw new InputException(
          "order " + order + " is too large", "ORDER", "0 to " + Pages.MAX_PAGE_ORDER);
    }
    return (int) order;
  }

  /** The node, or {@link io.mm4j.api.page.PageAllocator#NUMA_NO_NODE}. */
  int node(List<String> words, int nodes) {
    String typed = argument(words, "NODE");
    if (typed == null) {
      return io.mm4j.api.page.PageAllocator.NUMA_NO_NODE;
    }
    long node = Sizes.parseNumber(typed, "NODE");
    if (node >= nodes) {
      throw new InputException(
          "there is no node " + typed,
          "NODE",
          nodes == 1 ? "0, as the machine has one node (--nodes)" : "0 to " + (nodes - 1));
    }
    return (int) node;
  }

  /** What is freed, as typed. */
  String block(List<String> words) {
    return words.get(1);
  }
}
