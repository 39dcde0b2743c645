// SPDX-License-Identifier: Apache-2.0

/** Slab allocators that are wrong on purpose. */
@NullMarked
package io.mm4j.testkit.slab.faults;

import org.jspecify.annotations.NullMarked;
