// SPDX-License-Identifier: Apache-2.0

/** The simplest VMA index, over java.util.TreeMap: tutorial and oracle. */
@NullMarked
package io.mm4j.process.treemap;

import org.jspecify.annotations.NullMarked;
