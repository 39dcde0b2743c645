// SPDX-License-Identifier: Apache-2.0

/** The simplest correct VMA index: a sorted list. */
@NullMarked
package io.mm4j.testkit.vma.naive;

import org.jspecify.annotations.NullMarked;
