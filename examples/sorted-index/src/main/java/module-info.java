// SPDX-License-Identifier: Apache-2.0

/** The vma-index plugin sorted-index for mm4j. */
module org.example.sortedindex {
  requires io.mm4j.api;
  requires static org.jspecify;

  provides io.mm4j.api.vma.VmaIndexProvider with
      org.example.sortedindex.SortedIndexProvider;
}
