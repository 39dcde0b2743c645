// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.vma;

/** A plugin for {@code vma-index}: makes empty indexes, one for each address space. */
public interface VmaIndexProvider {
  /** A new empty index. */
  VmaIndex create();
}
