// SPDX-License-Identifier: Apache-2.0

/** The reference PhysicalMemory plugins. */
@NullMarked
package io.mm4j.physical;

import org.jspecify.annotations.NullMarked;
