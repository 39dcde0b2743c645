// SPDX-License-Identifier: Apache-2.0

/**
 * Page tables: what an architecture's entries look like ({@link
 * io.mm4j.api.pagetable.PageTableFormat}), the tables themselves and the cursor that changes them
 * ({@link io.mm4j.api.pagetable.PageTables}), and what a CPU does with them ({@link
 * io.mm4j.api.pagetable.Mmu}, {@link io.mm4j.api.pagetable.Segmentation}).
 */
@NullMarked
package io.mm4j.api.pagetable;

import org.jspecify.annotations.NullMarked;
