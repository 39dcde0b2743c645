// SPDX-License-Identifier: Apache-2.0

/** The rules of slab allocators. */
@NullMarked
package io.mm4j.testkit.slab.rules;

import org.jspecify.annotations.NullMarked;
