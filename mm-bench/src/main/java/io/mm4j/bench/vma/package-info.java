// SPDX-License-Identifier: Apache-2.0

/** The VMA indexes beside java.util.TreeMap. */
@NullMarked
package io.mm4j.bench.vma;

import org.jspecify.annotations.NullMarked;
