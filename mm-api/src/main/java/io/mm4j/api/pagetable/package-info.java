// SPDX-License-Identifier: Apache-2.0

/** Page-table entries and levels: the contract of an architecture's format. */
@NullMarked
package io.mm4j.api.pagetable;

import org.jspecify.annotations.NullMarked;
