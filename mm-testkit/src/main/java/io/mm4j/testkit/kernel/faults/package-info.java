// SPDX-License-Identifier: Apache-2.0

/** Kernel's mappings that are wrong on purpose. */
@NullMarked
package io.mm4j.testkit.kernel.faults;

import org.jspecify.annotations.NullMarked;
